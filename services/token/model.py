"""Nouns of the token service, and rules that need nothing but them."""

import base64
import hashlib
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

from services.runtime.auth import ROLES, Principal, beyond
from services.runtime.errors import PermissionDenied

# Ids of domains, apps, access keys, push apps: what does not look so is nobody's, and no question to the database.
ID = re.compile(r"[A-Za-z0-9._#-]{1,64}")
# RFC 6749 section 3.3.
SCOPE = re.compile(r"[\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]{1,128}")
# What makes a request one of OpenID Connect.
OPENID = "openid"
PUSH_SCOPE = re.compile(r"push:([1-9][0-9]{0,18})")

# What a push app's credential permits, however it was presented.
PUSH_PERMISSIONS = ("binding.read", "binding.write")

# RFC 7636 section 4.1, and what S256 makes of it.
CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


RevocationKind = Literal["session", "user", "app", "key", "token"]
"""What a revocation's subject is the id of; `app` also of an access key or a push app."""
UserEventKind = Literal["created", "updated", "deleted"]
"""What became of a user."""


class AppType(StrEnum):
    """Type of an app, as the database spells it."""

    WEB_SERVER = "web_server"
    WEB_BROWSER = "web_browser"
    NATIVE = "native"
    JWT = "jwt"
    SERVICE = "service"


class AuthMethod(StrEnum):
    """How a client proves itself, as RFC 8414 spells it."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    PRIVATE_KEY_JWT = "private_key_jwt"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Domain:
    """A tenant.

    `scopes` are those of tokens that are got through an access key; `algorithm` that of new signing keys, which sign
    for `rotation_period`; audit rows are kept for `audit_retention`. An absent limit is none.
    """

    domain_id: str
    issuer: str
    scopes: tuple[str, ...]
    impersonate_superadmins: bool = False
    algorithm: str = "RS256"
    rotation_period: timedelta = timedelta(days=90)
    audit_retention: timedelta = timedelta(days=360)
    grants_per_second: int | None = None
    max_users: int | None = None
    max_apps: int | None = None

    @property
    def base_url(self) -> str:
        """Where the domain's endpoints stand: its issuer without the path that tells it from its neighbours."""
        return self.issuer.removesuffix(f"/d/{self.domain_id}")

    @property
    def token_endpoint(self) -> str:
        """URL of the token endpoint."""
        return self.endpoint("token")

    def endpoint(self, name: str) -> str:
        """URL of one of the OAuth endpoints, by the last part of its path."""
        return f"{self.base_url}/v2/oauth/{name}"


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key of an app, and the one algorithm that it verifies."""

    key_id: str
    algorithm: str
    public_key: Any


@dataclass(frozen=True, slots=True)
class StoredTrustedKey:
    """A trusted key as it is kept: `public_key` is SubjectPublicKeyInfo in DER."""

    key_id: str
    algorithm: str
    public_key: bytes


@dataclass(frozen=True, slots=True)
class App:
    """An OAuth client.

    `secret_hashes` are SHA-256, at most two; `keys` those that are enabled. An absent `session_idle` or
    `session_lifetime` is the service's. `token_type` is header `typ` of its access tokens. Sessions that began until
    `sessions_revoked_at` are over.
    """

    domain_id: str
    client_id: str
    type: AppType
    admitted: bool
    redirect_uris: tuple[str, ...]
    scopes: tuple[str, ...]
    permissions: tuple[str, ...]
    push_access_ids: tuple[int, ...]
    secret_hashes: tuple[bytes, ...]
    grace: timedelta
    grace_repeats: int
    repeat_until_used: bool = False
    session_idle: timedelta | None = None
    session_lifetime: timedelta | None = None
    token_type: str = "JWT"  # noqa: S105 a type
    sessions_revoked_at: datetime | None = None
    keys: tuple[TrustedKey, ...] = ()


@dataclass(frozen=True, slots=True)
class PushApp:
    """What a push backend authenticates as. `secret` is sealed in the store and open in the directory."""

    domain_id: str
    access_id: int
    secret: bytes = field(repr=False)
    tokens_per_account: int
    append_enabled: bool

    def claim(self) -> dict[str, Any]:
        """The claim `push_app`."""
        return {
            "id": self.access_id,
            "tokens_per_account": self.tokens_per_account,
            "append_enabled": self.append_enabled,
        }


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A signing key as it is kept: `private_key` sealed, `public_key` in DER, `None` for a symmetric one."""

    domain_id: str
    issuer: str
    key_id: str
    use: str
    algorithm: str
    state: str
    public_key: bytes | None
    private_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A signing key as operators see it.

    `state` is `next`, `active`, `retiring` or `retired`; `activates_at` says from when it may sign, or since when it
    did; `verify_until` stands from `retiring` on, `retired_at` from `retired` on; `revoked_at` where it was retired
    before its time.
    """

    key_id: str
    use: str
    algorithm: str
    state: str
    public_key: bytes | None
    created_at: datetime
    activates_at: datetime
    verify_until: datetime | None
    retired_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class DueKey:
    """A key that rotation has to do something about: `state` says what."""

    domain_id: str
    key_id: str
    use: str
    state: str


@dataclass(frozen=True, slots=True)
class User:
    """What minting asks of a user. Sessions in which it acts for others and which began until `acts_since` are over."""

    user_id: str
    role: str
    status: str
    acts_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A user as its administrators see it. `etag` tells this state from any other; `updated_at` is absent: never."""

    user_id: str
    user_name: str
    nick_name: str
    avatar: str
    role: str
    status: str
    description: str
    default_drive_id: str
    user_data: Mapping[str, str]
    creator: str
    domain_id: str
    created_at: datetime
    updated_at: datetime | None
    etag: str


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a user is to be. An empty `user_id` asks for one."""

    user_id: str
    user_name: str
    nick_name: str
    avatar: str
    role: str
    status: str
    description: str
    default_drive_id: str
    user_data: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class UserChange:
    """What of a user is to be another; `None` stays. `user_data` takes the place of all that was there."""

    user_name: str | None = None
    nick_name: str | None = None
    avatar: str | None = None
    role: str | None = None
    status: str | None = None
    description: str | None = None
    default_drive_id: str | None = None
    user_data: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its user's administrators see it. `rotated_at`: when it was last refreshed, or began."""

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


@dataclass(frozen=True, slots=True)
class Proof:
    """How a user was proven."""

    method: str
    identity: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts for a user. `role` and `scopes` are a user's; the reach of apps and access keys is `permissions`."""

    subject: str
    role: str
    scopes: tuple[str, ...]
    permissions: frozenset[str]

    @property
    def highest_role(self) -> str:
        """The most powerful role that a token got by this actor may have."""
        covered = [name for name, needed in ROLES.items() if not beyond(self.permissions, needed)]
        return self.role or covered[-1]


@dataclass(frozen=True, slots=True)
class Event:
    """Who did what, for the audit log. `event` is an `EventName`; `detail` holds nothing that a caller sent."""

    domain_id: str
    event_id: uuid.UUID
    event: str
    client_id: str | None = None
    user_id: str | None = None
    actor: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """An event as the audit log has it. `user_id` and `actor` are keyed hashes where the user was erased."""

    event_id: uuid.UUID
    event: str
    client_id: str | None
    user_id: str | None
    session_id: uuid.UUID | None
    actor: str | None
    proof_method: str | None
    proof_identity: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events of a domain are wanted: all that is given must fit. `user_ids` are one user's, or none is asked for.

    From `start`, and before `end`.
    """

    start: datetime
    end: datetime
    event: str | None = None
    client_id: str | None = None
    session_id: uuid.UUID | None = None
    user_ids: tuple[str, ...] = ()


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
class AuthorizationCode:
    """A code about to be handed out. `code_hash` is SHA-256 of its secret."""

    domain_id: str
    code_id: uuid.UUID
    code_hash: bytes
    client_id: str
    redirect_uri: str
    user_id: str
    scopes: tuple[str, ...]
    code_challenge: str | None
    nonce: str
    device_id: str
    device_name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """What tokens say of a session and its user. `role_cap` bounds the role; `actor` acts for the user."""

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

    @property
    def role(self) -> str:
        """The role that its tokens have."""
        return lower_role(self.user_role, self.role_cap) if self.role_cap else self.user_role


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRequest:
    """What a client proves itself by; an absent parameter is empty. `basic` is what stood behind `Basic`."""

    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    basic: str = field(default="", repr=False)
    client_assertion_type: str = ""
    client_assertion: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRequest(ClientRequest):
    """Parameters of the token endpoint; an absent one is empty."""

    grant_type: str
    code: str = field(default="", repr=False)
    redirect_uri: str = ""
    code_verifier: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    assertion: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ()
    subject_token: str = field(default="", repr=False)
    subject_token_type: str = ""
    requested_token_type: str = ""
    audience: str = ""
    resource: str = ""
    actor_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedToken(ClientRequest):
    """A token that a client presents to have it looked at or revoked."""

    token: str = field(repr=False)


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
    session: "Session | None"
    session_expires_at: datetime | None
    user_status: str

    def holds(self, token: AccessToken) -> bool:
        """Whether the token is good still."""
        alive = self.session is not None and self.session.user_id == token.user_id and self.user_status == "enabled"
        return not self.is_revoked and (alive if token.kind == "user" else token.session_id is None)


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


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who a user is, for itself."""

    user_id: str
    user_name: str
    nick_name: str
    avatar: str
    updated_at: datetime


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


def lower_role(one: str, other: str) -> str:
    """The less powerful of two roles."""
    order = list(ROLES)
    return min(one, other, key=order.index)


def check_permissions(caller: Principal, permissions: Iterable[str]) -> None:
    """Nobody gives what he does not have. Raises `PermissionDenied`."""
    if lacking := beyond(caller.permissions, permissions):
        raise PermissionDenied(detail=f"{caller.kind} {caller.subject} does not hold {', '.join(sorted(lacking))}")


def reachable_roles(caller: Principal) -> tuple[str, ...]:
    """Roles of the users that a caller may change: those up to its token's own.

    The reach of apps and access keys is what they hold; a superadmin is only for superadmins.
    """
    roles = list(ROLES)
    if caller.kind == "user":
        return tuple(roles[: roles.index(caller.role) + 1])
    return tuple(role for role in roles[:-1] if not beyond(caller.permissions, ROLES[role]))


def endable_roles(caller: Principal) -> tuple[str, ...]:
    """Roles of the users whose sessions a caller may end: a user's are those up to its token's, anybody else's all."""
    return reachable_roles(caller) if caller.kind == "user" else tuple(ROLES)


def check_role(caller: Principal, role: str) -> None:
    """Nobody gives a role above his own, or with a permission that he does not hold. Raises `PermissionDenied`."""
    if role not in reachable_roles(caller):
        raise PermissionDenied(detail=f"{caller.kind} {caller.subject} is no {role}")
    check_permissions(caller, ROLES[role])


def code_challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
