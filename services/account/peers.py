"""The token service, as account calls it: with the credential of its own service identity, and never for long."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tessera.token.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc

from services.account.errors import LinkUserRefused, NotFoundLinkUser
from services.account.service_token import ServiceToken
from services.runtime.channel import open_channel
from services.runtime.clock import Clock
from services.runtime.env import Address
from services.runtime.errors import DOMAIN, FieldInvalid, Internal, PermissionDenied, Refusal, Unavailable
from services.runtime.telemetry import request_id

Token = token_pb2.Token
"""What token issues. It goes to the caller as it came, whatever it holds."""
Answer = TypeVar("Answer")

_TIMEOUT_SECONDS = 2.0

# The call may be tried again; any other refusal that is not the user's is a fault of ours.
_AWAY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNAUTHENTICATED,
)
# What token says of the user, or of the app through which the caller acts, as account says it on.
_REFUSALS: dict[str, type[Refusal]] = {
    "NOT_FOUND_USER": NotFoundLinkUser,
    "USER_DISABLED": LinkUserRefused,
    "IMPERSONATION_REFUSED": LinkUserRefused,
    "UNAUTHORIZED_CLIENT": PermissionDenied,
}
# Fields of token's requests that hold what the caller said, by the name that the caller knows.
_CALLERS_FIELDS = {"user_id": "user_id", "proof.identity": "identity"}


@dataclass(frozen=True, slots=True)
class User:
    """A user, as token knows it: role `superadmin`, `admin` or `user`; status `enabled` or `disabled`."""

    role: str
    status: str


@dataclass(frozen=True, slots=True)
class Proof:
    """How a user was proven: method, and the identity as it is shown. Token writes it to its audit log."""

    method: str
    identity: str


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller for whom a token for somebody else is issued; no role where its reach is a list of permissions."""

    subject: str
    role: str
    scopes: frozenset[str]
    permissions: frozenset[str]


class TokenPeer:
    """Calls token's MintService. Each call answers, or refuses within 2 seconds a round trip.

    Args:
        addresses: its workers.
        client_id: id of this service's identity.
        client_key: signs the assertions that prove it.
        domain_id: domain it belongs to.
        clock: stamps them.
    """

    def __init__(
        self,
        addresses: tuple[Address, ...],
        *,
        client_id: str,
        client_key: EllipticCurvePrivateKey,
        domain_id: str,
        clock: Clock,
    ) -> None:
        self._channel = open_channel(addresses)
        self._mint = token_service_pb2_grpc.MintServiceStub(self._channel)
        self._service_token = ServiceToken(
            token_service_pb2_grpc.TokenServiceStub(self._channel),
            client_id=client_id,
            client_key=client_key,
            domain_id=domain_id,
            clock=clock,
        )

    async def close(self) -> None:
        """Close the channel; calls under way end as unavailable."""
        self._service_token.close()
        await self._channel.close()

    async def get_user(self, domain_id: str, user_id: str) -> User:
        """Ask who a user is. Raises `NotFoundLinkUser`, `FieldInvalid`, `Unavailable`."""
        request = token_service_pb2.GetUserRequest(domain_id=domain_id, user_id=user_id)
        answer = await self._call(self._mint.GetUser, request)
        return User(answer.role, answer.status)

    async def issue_token(self, domain_id: str, user_id: str, client_id: str, proof: Proof, actor: Actor) -> Token:
        """Have a Token issued for a user. Not idempotent: each call starts a session.

        Args:
            domain_id: domain of user and caller.
            user_id: the user.
            client_id: app or access key through which the caller acts.
            proof: how the user was proven.
            actor: the caller, who bounds what the Token may do.

        Raises:
            NotFoundLinkUser: the user is gone.
            LinkUserRefused: the user is disabled or never impersonated.
            PermissionDenied: the app through which the caller acts is not admitted any more.
            FieldInvalid: a user id or an identity that token does not take.
            Unavailable: token is away; whether a token was issued is unknown.
        """
        request = token_service_pb2.IssueTokenRequest(
            domain_id=domain_id,
            user_id=user_id,
            client_id=client_id,
            proof=token_pb2.Proof(method=proof.method, identity=proof.identity),
            actor=token_pb2.Actor(
                subject=actor.subject,
                role=actor.role,
                scopes=sorted(actor.scopes),
                permissions=sorted(actor.permissions),
            ),
        )
        return await self._call(self._mint.IssueToken, request)

    async def _call(self, method: Callable[..., Awaitable[Answer]], request: Any) -> Answer:
        """Make a call; where token does not take the access token, once more with a new one."""
        bearer = await self._service_token.get()
        try:
            try:
                return await method(request, timeout=_TIMEOUT_SECONDS, metadata=_metadata(bearer))
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
            self._service_token.discard(bearer)
            bearer = await self._service_token.get()
            return await method(request, timeout=_TIMEOUT_SECONDS, metadata=_metadata(bearer))
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error


def _metadata(bearer: str) -> Sequence[tuple[str, str]]:
    """The credential, and the request's id, by which the logs of both services are read together."""
    return (("authorization", f"Bearer {bearer}"), ("x-request-id", request_id()))


def _refusal(error: grpc.aio.AioRpcError) -> Refusal:
    detail = f"{error.code().name}: {error.details()}"
    reason, field = _reason(error)
    if refusal := _REFUSALS.get(reason):
        return refusal(detail=detail)
    if reason == "FIELD_INVALID" and field in _CALLERS_FIELDS:
        return FieldInvalid(_CALLERS_FIELDS[field])
    return Unavailable("token service", detail=detail) if error.code() in _AWAY else Internal(detail=detail)


def _reason(error: grpc.aio.AioRpcError) -> tuple[str, str]:
    """The `ErrorInfo` reason that Tessera gave and the field at fault; empty where there is none."""
    status = rpc_status.from_call(error)
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details if status else ():
        detail.Unpack(info)
        detail.Unpack(bad)
    reason = info.reason if info.domain == DOMAIN else ""
    return reason, bad.field_violations[0].field if bad.field_violations else ""
