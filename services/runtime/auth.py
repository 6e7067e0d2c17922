"""Who calls: verifies the one credential inside, and what it permits.

Two kinds of token are believed. An access token in `authorization: Bearer`, signed by a domain's access-token key. The
edge's internal token in `x-tessera-edge-token`, signed by a domain's edge key for one service, which the gateway puts
there after it verified another credential, and strips from whatever comes in. Neither passes for the other: they
differ in key, issuer, type and audience.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from google.protobuf.descriptor import MethodDescriptor
from tessera.runtime.v1 import access_pb2

from services.runtime import jws
from services.runtime.clock import Clock
from services.runtime.errors import PermissionDenied, Unauthenticated, Unavailable
from services.runtime.ids import derived_uuid7
from services.runtime.keys import ACCESS, EDGE, Keys, VerificationKey, find
from services.runtime.revocations import Marks, Revocations, acts_in_the_end

EDGE_HEADER = "x-tessera-edge-token"
EDGE_TYPE = "tessera-edge+jwt"
ACCESS_TYPES = ("at+jwt", "jwt")

_MAX_TOKEN_CHARS = 8192
_MAX_CACHED = 10_000
# How long a verified token is believed without its signature being checked again.
_CACHE_SECONDS = 10


class Access(NamedTuple):
    """Who may call an RPC: what it declares (proto/tessera/runtime/v1/access.proto), as each call asks for it."""

    anonymous: bool = False
    permissions: frozenset[str] = frozenset()
    own_permission: str = ""
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class PushApp:
    """The push app that a credential speaks for, with the settings that bind its calls."""

    access_id: int
    tokens_per_account: int
    append_enabled: bool


@dataclass(frozen=True, slots=True)
class Signature:
    """By which the one call was proven: when it was made, and SHA-256 of what it is of."""

    made_at: datetime
    content_hash: bytes

    @property
    def request_id(self) -> UUID:
        """A UUIDv7 that tells the call from others, and is the same where it is sent again."""
        return derived_uuid7(self.made_at, self.content_hash)


@dataclass(frozen=True, slots=True)
class Principal:
    """A verified caller.

    `kind` is `user`, `app`, `service`, `access_key` or `push_app`; `subject` its id. `client_id` is the app or key
    through which it acts. `role` and `scopes` are a user's; the permissions of the others are a stored list. `actor` is
    who acts for the user in the end, through any number of others; empty: the user itself. `impersonator` is who got
    its token for himself, and not to do what the user asked; empty: nobody. `signature` is there where the call was
    signed in a way that lets it be sent again.
    """

    kind: str
    subject: str
    domain_id: str
    client_id: str
    permissions: frozenset[str]
    role: str = ""
    scopes: frozenset[str] = frozenset()
    session_id: str = ""
    actor: str = ""
    impersonator: str = ""
    push_app: PushApp | None = None
    signature: Signature | None = None

    @property
    def responsible(self) -> str:
        """Whose deed the call is, for the audit log: the user's or its impersonator's; else the app's or key's."""
        return self.impersonator or (self.subject if self.kind == "user" else self.client_id)

    def permits(self, access: Access) -> bool:
        """Whether the caller may make a call that declares `access`."""
        return access.anonymous or self.permissions >= access.permissions or self._permits_own(access)

    def owns_only(self, access: Access) -> bool:
        """Whether `access` is open to the caller for its own user alone."""
        return not self.permissions >= access.permissions and self._permits_own(access)

    def _permits_own(self, access: Access) -> bool:
        return self.kind == "user" and bool(access.own_permission) and access.own_permission in self.permissions


_current: ContextVar[Principal] = ContextVar("principal")
_current_access: ContextVar[Access] = ContextVar("access")


def principal() -> Principal:
    """The caller of the call that is being answered. Raises `LookupError` in an anonymous call."""
    return _current.get()


def only_own() -> bool:
    """Whether the caller of the call that is being answered may act on its own user alone."""
    return _current.get().owns_only(_current_access.get())


def become(caller: Principal | None, access: Access) -> None:
    """Set who `principal()` is for the rest of this call."""
    if caller is not None:
        _current.set(caller)
    _current_access.set(access)


def access_of(method: MethodDescriptor) -> Access:
    """The access that an RPC declares.

    Raises:
        ValueError: it declares none, or both anonymous and permissions: such a service must not start.
    """
    access = method.GetOptions().Extensions[access_pb2.access]
    if access.anonymous == bool(access.permissions):
        msg = f"{method.full_name} declares no permission in proto"
        raise ValueError(msg)
    return Access(access.anonymous, frozenset(access.permissions), access.own_permission, access.fresh)


def _table(enum: Any) -> dict[str, frozenset[str]]:
    grants = [value.GetOptions().Extensions[access_pb2.grants] for value in enum.DESCRIPTOR.values]
    return {grant.name: frozenset(grant.permissions) for grant in grants if grant.name}


ROLES: dict[str, frozenset[str]] = _table(access_pb2.Role)
"""Permissions of each role, from the least to the most powerful."""
SCOPES: dict[str, frozenset[str]] = _table(access_pb2.Scope)
"""Permissions that each scope opens."""


def user_permissions(role: str, scopes: frozenset[str]) -> frozenset[str]:
    """What a user's token permits: what its role has, as far as a scope of the token opens it."""
    opened = frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in scopes))
    return ROLES.get(role, frozenset()) & opened


_OWN = frozenset(permission for granted in ROLES.values() for permission in granted if permission.endswith(".own"))


def beyond(held: frozenset[str], permissions: Iterable[str]) -> frozenset[str]:
    """Those of some permissions that who holds `held` cannot give. A user's own data is everybody's to open."""
    return frozenset(permissions) - held - _OWN


def reachable_roles(caller: Principal) -> tuple[str, ...]:
    """Roles of the users that a caller may change: those up to its token's own.

    The reach of apps and access keys is what they hold; a superadmin is only for superadmins.
    """
    roles = list(ROLES)
    if caller.kind == "user":
        return tuple(roles[: roles.index(caller.role) + 1])
    return tuple(role for role in roles[:-1] if not beyond(caller.permissions, ROLES[role]))


class Authenticator:
    """Finds out who calls.

    Args:
        service: name of this service: the audience of the edge's tokens for it.
        keys: keys that verify tokens.
        clock: tells what is expired.
        revocations: what is revoked; asked on every call.
        basic: verifies `authorization: Basic`, given id and secret; for the service that keeps the clients.
    """

    def __init__(
        self,
        service: str,
        keys: Keys,
        clock: Clock,
        revocations: Revocations,
        basic: Callable[[str], Awaitable[Principal]] | None = None,
    ) -> None:
        self._service = service
        self._keys = keys
        self._clock = clock
        self._revocations = revocations
        self._basic = basic
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()

    async def authenticate(self, metadata: Mapping[str, str]) -> Principal:
        """Verify a call's credential.

        Args:
            metadata: the call's, by lower-case name.

        Raises:
            Unauthenticated: there is none, or it is not good.
            Unavailable: it cannot be told, as no keys are known.
        """
        if edge_token := metadata.get(EDGE_HEADER):
            return await self._verify(edge_token, EDGE)
        scheme, _, credential = metadata.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return await self._verify(credential.strip(), ACCESS)
        if scheme.lower() == "basic" and self._basic:
            return await self._basic(credential.strip())
        raise Unauthenticated

    async def _verify(self, token: str, use: int) -> Principal:
        if len(token) > _MAX_TOKEN_CHARS:
            raise Unauthenticated(detail="token too long")
        now = self._clock.now().timestamp()
        digest = hashlib.sha256(b"%d" % use + token.encode()).digest()
        verified = self._verified.get(digest)
        # A key that is known no more vouches for nothing, what was verified before included.
        if verified is None or now >= verified.believed_until or self._keys.get(verified.key_id) is None:
            self._verified.pop(digest, None)
            verified = self._verified[digest] = await self._check(token, use, now)
            if len(self._verified) > _MAX_CACHED:
                self._verified.popitem(last=False)
        self._revocations.check(verified.marks)
        return verified.caller

    async def need_fresh(self) -> None:
        """Let a call through whose RPC asks for fresh knowledge of what is revoked. Raises `Unavailable`."""
        await self._revocations.need_fresh()

    async def _check(self, token: str, use: int, now: float) -> "_Verified":
        try:
            read = jws.read(token)
        except jws.JwsError as error:
            raise Unauthenticated(detail=f"not a JWT: {error}") from error
        key = await self._key(read.header.get("kid"))
        types = (EDGE_TYPE,) if use == EDGE else ACCESS_TYPES
        if key.use != use or str(read.header.get("typ")).lower() not in types:
            raise Unauthenticated(detail="key of another use, or token of another type")
        if not read.verifies(key.algorithm, key.public_key):
            raise Unauthenticated(detail="signature, or another algorithm than the key's")
        claims = read.claims
        if claims.get("iss") != key.issuer or claims.get("aud") != (self._service if use == EDGE else key.issuer):
            raise Unauthenticated(detail="another issuer or audience")
        if not isinstance(claims.get("sub"), str):
            raise Unauthenticated(detail="no subject")
        try:
            expires = float(claims["exp"])
            marks = Marks.of(key.domain_id, key.key_id, claims)
            caller = _read_claims(claims, key.domain_id)
        except (LookupError, TypeError, ValueError) as error:
            raise Unauthenticated(detail=f"claims: {error!r}") from error
        if expires <= now:
            raise Unauthenticated(detail="expired")
        return _Verified(caller, key.key_id, marks, min(expires, now + _CACHE_SECONDS))

    async def _key(self, key_id: object) -> VerificationKey:
        if not isinstance(key_id, str):
            raise Unauthenticated(detail="no kid")
        key = await find(self._keys, key_id)
        if key is None:
            if self._keys.problem:
                raise Unavailable("token service", detail=self._keys.problem)
            raise Unauthenticated(detail="unknown kid")
        return key


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token that was verified: whose it is, by which key, what revokes it, and until when all that is believed."""

    caller: Principal
    key_id: str
    marks: Marks
    believed_until: float


def _read_claims(claims: Mapping[str, Any], domain_id: str) -> Principal:
    """A principal from claims whose signature was verified; the domain is its key's, whatever the claims say."""
    kind = claims.get("kind", "user")
    scopes = frozenset(str(claims.get("scope", "")).split())
    role = ""
    if kind == "user":
        role = json.loads(claims["customJson"])["role"]
        permissions = user_permissions(role, scopes)
    else:
        permissions = frozenset(claims.get("permissions", ()))
    push, signed = claims.get("push_app"), claims.get("signed")
    return Principal(
        kind=kind,
        subject=claims["sub"],
        domain_id=domain_id,
        client_id=claims.get("client_id", ""),
        permissions=permissions,
        role=role,
        scopes=scopes,
        session_id=claims.get("sid", ""),
        actor=acts_in_the_end(claims),
        impersonator=_impersonator(claims),
        push_app=PushApp(push["id"], push["tokens_per_account"], push["append_enabled"]) if push else None,
        signature=Signature(datetime.fromtimestamp(signed["at"], UTC), bytes.fromhex(signed["hash"]))
        if signed
        else None,
    )


def _impersonator(claims: Mapping[str, Any]) -> str:
    """Who acts for himself: what each exchange has put around him is a service that does as it is asked."""
    claim: Mapping[str, Any] = claims.get("act", {})
    for _ in claims.get("through", ()):
        claim = claim.get("act", {})
    return str(claim.get("sub", ""))


def authorize(caller: Principal, access: Access) -> None:
    """Let a caller through or not. Raises `PermissionDenied`."""
    if not caller.permits(access):
        raise PermissionDenied(detail=f"{caller.kind} {caller.subject} lacks {', '.join(sorted(access.permissions))}")
