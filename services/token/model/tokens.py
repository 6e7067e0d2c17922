"""Access tokens, as they are handed out and as they come back."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from services.token.model.sessions import Session

RevocationKind = Literal["session", "user", "app", "key", "token"]
"""What a revocation's subject is the id of; `app` also of an access key or a push app."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """An access token of ours, verified and not expired. Whether it was revoked, only the database knows.

    `user_id` is empty for an app's or a service's own; `actor` is its claim `act`, `through` the clients of the tokens
    that it was exchanged from; `issued_at` and `expires_at` are seconds since 1970.
    """

    domain_id: str
    issuer: str
    audience: str
    key_id: str
    token_id: str
    kind: str
    subject: str
    user_id: str
    client_id: str
    session_id: uuid.UUID | None
    role: str
    scopes: tuple[str, ...]
    actor: Mapping[str, Any] | None
    through: tuple[str, ...]
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class AccessTokenState:
    """What became of all that an access token depends on: itself, its key, its client, its session and user."""

    is_revoked: bool
    session: Session | None
    session_expires_at: datetime | None
    user_status: str

    def holds(self, token: AccessToken) -> bool:
        """Whether the token is good still."""
        alive = self.session is not None and self.session.user_id == token.user_id and self.user_status == "enabled"
        return not self.is_revoked and (alive if token.kind == "user" else token.session_id is None)


@dataclass(frozen=True, slots=True)
class Issued:
    """Tokens as they are handed out. `session` is absent for an app's or a service's own token.

    `exchanged` says that it is the answer of a token exchange.
    """

    domain_id: str
    access_token: str = field(repr=False)
    issued_at: int
    expires_at: int
    scopes: tuple[str, ...]
    session: Session | None = None
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    exchanged: bool = False
