"""How token is called: with the credential of account's own service identity, and never for long."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from tessera.client import AccessTokens, Certificates, PrivateKeyJwt, TesseraError, errors, open_channel
from tessera.token.v1 import feed_service_pb2_grpc, token_service_pb2_grpc, user_data_service_pb2_grpc

from services.account.errors import LinkUserRefused, LogonRefused, NotFoundLinkUser
from services.runtime.clock import Clock
from services.runtime.env import Address
from services.runtime.errors import CursorExpired, FieldInvalid, Internal, PermissionDenied, Refusal, Unavailable
from services.runtime.telemetry import request_id

Answer = TypeVar("Answer")

_TIMEOUT_SECONDS = 2.0
_TOKEN = "/tessera.token.v1.TokenService/Token"  # noqa: S105  the RPC of that name

# The call may be tried again; any other refusal that is not the user's is a fault of ours.
_AWAY = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNAUTHENTICATED,
)
# What token says of the user, or of the app through which the caller acts, as account says it on.
_REFUSALS: dict[type[TesseraError], type[Refusal]] = {
    errors.NotFoundUser: NotFoundLinkUser,
    errors.UserDisabled: LinkUserRefused,
    errors.ImpersonationRefused: LinkUserRefused,
    errors.UnauthorizedClient: PermissionDenied,
    errors.CursorExpired: CursorExpired,
}
_NOTHING: Mapping[type[TesseraError], str] = {}
# Fields of token's requests that hold what the caller said, by the name that the caller knows.
_CALLERS_FIELDS = {
    "user_id": "user_id",
    "proof.identity": "identity",
    "cursor": "cursor",
    "page_size": "page_size",
    "page_token": "page_token",
}


@dataclass(frozen=True, slots=True)
class Proof:
    """How a user was proven: method, and the identity as it is shown. Token writes it to its audit log."""

    method: str
    identity: str


class Calls:
    """Its channel, and what every call over that has in common.

    Args:
        addresses: its workers.
        client_id: id of this service's identity.
        client_key: signs the assertions that prove it.
        domain_id: domain it belongs to.
        clock: stamps them.
        tls: how it is called; nothing: in plaintext.
    """

    def __init__(
        self,
        addresses: tuple[Address, ...],
        *,
        client_id: str,
        client_key: EllipticCurvePrivateKey,
        domain_id: str,
        clock: Clock,
        tls: Certificates | None = None,
    ) -> None:
        targets = [str(address) for address in addresses]
        # Nothing is tried again here: whoever calls account may do so.
        self._token = open_channel(*targets, tls=tls, timeout=_TIMEOUT_SECONDS, retry=False)
        self._access_tokens = AccessTokens(
            self._token, PrivateKeyJwt(client_id, client_key, audience=domain_id, now=clock.now), now=clock.now
        )
        self._channel = open_channel(
            *targets, access_tokens=self._access_tokens, tls=tls, timeout=_TIMEOUT_SECONDS, retry=False
        )
        self._mint = token_service_pb2_grpc.MintServiceStub(self._channel)
        self._users = feed_service_pb2_grpc.UserFeedServiceStub(self._channel)
        self._user_data = user_data_service_pb2_grpc.UserDataServiceStub(self._channel)

    async def close(self) -> None:
        """Close the channels; calls under way end as unavailable."""
        await self._channel.close()
        await self._token.close()

    @staticmethod
    async def _call(
        method: Callable[..., Awaitable[Answer]], request: Any, pages: Mapping[type[TesseraError], str] = _NOTHING
    ) -> Answer:
        """Make a call, with the request's id, by which the logs of both services are read together.

        Args:
            method: of a stub.
            request: its request.
            pages: refusals that a page says, by the key of `LogonRefused`.
        """
        try:
            return await method(request, metadata=metadata())
        except TesseraError as error:
            if key := pages.get(type(error)):
                raise LogonRefused(key, str(error)) from error
            raise refusal_of(error) from error


def metadata() -> tuple[tuple[str, str], ...]:
    """Of a call in whose name token is called: its id."""
    return (("x-request-id", request_id()),)


def refusal_of(error: TesseraError) -> Refusal:
    """What token refused, as account says it on."""
    detail = str(error)
    if error.method == _TOKEN:
        # Away or refusing: to who needs the access token it is one, and the log tells which.
        return Unavailable("token service", detail=detail)
    if refusal := _REFUSALS.get(type(error)):
        return refusal(detail=detail)
    if isinstance(error, errors.FieldInvalid) and error.field in _CALLERS_FIELDS:
        return FieldInvalid(_CALLERS_FIELDS[error.field])
    return Unavailable("token service", detail=detail) if error.code() in _AWAY else Internal(detail=detail)
