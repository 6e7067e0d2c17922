"""Sessions: about to start, about to be used, going on."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from services.token.model.roles import lower_role


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session about to start."""

    domain_id: str
    client_id: str
    session_id: uuid.UUID
    secret_hash: bytes
    now: datetime
    expires_at: datetime
    absolute_at: datetime
    event_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Rotation:
    """A refresh token about to be used.

    `scopes` are those asked for; empty: all of the session. A rotation since `grace_from` may be repeated
    `grace_repeats` times. `idle_until` is when the session ends if nobody uses the successor.
    """

    domain_id: str
    session_id: uuid.UUID
    client_id: str
    secret_hash: bytes
    generation: int
    scopes: tuple[str, ...]
    now: datetime
    grace_from: datetime
    grace_repeats: int
    idle_until: datetime
    event_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Session:
    """What tokens say of a session and its user. `role_cap` bounds the role; `actor` acts for the user.

    `nonce` and `authenticated_at`, when the user was proven, are those of a logon that it begins with.
    """

    session_id: uuid.UUID
    generation: int
    user_id: str
    scopes: tuple[str, ...]
    role_cap: str | None
    actor: str | None
    device_id: str
    device_name: str
    user_name: str
    nick_name: str
    avatar: str
    default_drive_id: str
    user_role: str
    is_first: bool
    nonce: str | None = None
    authenticated_at: datetime | None = None

    @property
    def role(self) -> str:
        """The role that its tokens have."""
        return lower_role(self.user_role, self.role_cap) if self.role_cap else self.user_role


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its user and administrators see it. `rotated_at`: when it was last refreshed, or began.

    `app_name` is empty where an access key began it, or the app is gone.
    """

    session_id: uuid.UUID
    user_id: str
    client_id: str
    device_id: str
    device_name: str
    scopes: tuple[str, ...]
    actor: str | None
    created_at: datetime
    rotated_at: datetime
    expires_at: datetime
    app_name: str


@dataclass(frozen=True, slots=True)
class KeptSession:
    """A session as it is kept, also after it was over. `revoked_at`: when it was ended; `None`: it was not."""

    session: OpenSession
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class RefreshTokenState:
    """A session that a refresh token may go on with."""

    session_id: uuid.UUID
    user_id: str
    scopes: tuple[str, ...]
    actor: str | None
    user_name: str
    rotated_at: datetime
    expires_at: datetime
