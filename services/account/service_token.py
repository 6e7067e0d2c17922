"""The access token of this service's identity: one for any number of calls, renewed behind them before it expires.

It comes by client_credentials, the client proven by an assertion that it signs (RFC 7523 section 2.2).
"""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import grpc
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from tessera.token.v1 import token_service_pb2, token_service_pb2_grpc

from services.runtime.clock import Clock
from services.runtime.errors import Unavailable

log = structlog.get_logger()

_TIMEOUT_SECONDS = 2.0
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME = timedelta(seconds=60)
# An access token is renewed when this share of its life has passed.
_RENEW_AFTER = 0.8


class ServiceToken:
    """Keeps an access token.

    Args:
        token: where it comes from.
        client_id: id of this service's identity.
        client_key: signs the assertions that prove it.
        domain_id: domain it belongs to, which is the assertions' audience.
        clock: stamps them, and tells what is to be renewed.
    """

    def __init__(
        self,
        token: "token_service_pb2_grpc.TokenServiceAsyncStub",
        *,
        client_id: str,
        client_key: EllipticCurvePrivateKey,
        domain_id: str,
        clock: Clock,
    ) -> None:
        self._token = token
        self._client_id = client_id
        self._client_key = client_key
        self._domain_id = domain_id
        self._clock = clock
        self._bearer = ""
        self._renew_at = self._expires_at = datetime.min.replace(tzinfo=UTC)
        self._renewal: asyncio.Task[str] | None = None

    async def get(self) -> str:
        """An access token. Raises `Unavailable` where there is none that lives and none to be had."""
        now = self._clock.now()
        if self._bearer and now < self._renew_at:
            return self._bearer
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(), name="service token")
            self._renewal.add_done_callback(self._renewed)
        if self._bearer and now < self._expires_at:
            return self._bearer
        # Shielded: a caller who goes away must not take the others' token with him.
        return await asyncio.shield(self._renewal)

    def discard(self, bearer: str) -> None:
        """Forget an access token that was refused, unless there is another one already."""
        if self._bearer == bearer:
            self._bearer = ""

    def close(self) -> None:
        """Stop a renewal under way."""
        if self._renewal:
            self._renewal.cancel()

    def _renewed(self, renewal: asyncio.Task[str]) -> None:
        self._renewal = None
        if not renewal.cancelled() and (error := renewal.exception()):
            log.warning("no access token to be had", problem=getattr(error, "detail", None) or repr(error))

    async def _renew(self) -> str:
        now = self._clock.now()
        try:
            request = token_service_pb2.TokenRequest(
                grant_type="client_credentials",
                client_id=self._client_id,
                client_assertion_type=_ASSERTION_TYPE,
                client_assertion=self._assertion(now),
            )
            answer = await self._token.Token(request, timeout=_TIMEOUT_SECONDS)
        except grpc.aio.AioRpcError as error:
            # Away or refusing: to who needs the token it is one, and the log tells which.
            raise Unavailable("token service", detail=f"{error.code().name}: {error.details()}") from error
        lifetime = timedelta(seconds=answer.expires_in)
        self._bearer = answer.access_token
        self._renew_at = now + lifetime * _RENEW_AFTER
        self._expires_at = now + lifetime
        return self._bearer

    def _assertion(self, now: datetime) -> str:
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": self._domain_id,
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + _ASSERTION_LIFETIME,
        }
        return jwt.encode(claims, self._client_key, algorithm="ES256")
