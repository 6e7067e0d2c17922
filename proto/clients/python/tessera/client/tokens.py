"""The caller's access token: one for any number of calls, renewed behind them before it expires."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import grpc
from tessera.client.credentials import Credential
from tessera.token.v1 import token_service_pb2
from tessera.token.v1.token_service_pb2_grpc import TokenServiceStub

log = logging.getLogger(__name__)

# A token is renewed when this share of its life has passed. Where that fails, calls go on with it meanwhile.
_RENEW_AFTER = 0.8
_AGAIN_AFTER_A_FAILURE = timedelta(seconds=1)


class AccessTokens:
    """Gets access tokens by client_credentials, and keeps the last one.

    Args:
        channel: to token, by `open_channel`. While it is closed, so is this.
        credential: proves the caller.
        scope: what the token is for, `push:{access_id}` to call binding for a push app. Empty: all that the app has.
        now: tells the time, aware.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        credential: Credential,
        *,
        scope: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._token = TokenServiceStub(channel)
        self._credential = credential
        self._scope = scope
        self._now = now
        self._bearer = ""
        self._renew_at = self._expires_at = datetime.min.replace(tzinfo=UTC)
        self._renewal: asyncio.Task[str] | None = None

    async def get(self) -> str:
        """An access token that lives. Waits only where there is none; raises `TesseraError` where none is to be had."""
        now = self._now()
        if self._bearer and now < self._renew_at:
            return self._bearer
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew(), name="access token")
            self._renewal.add_done_callback(self._renewed)
        if self._bearer and now < self._expires_at:
            return self._bearer
        # Shielded: a caller who goes away must not take the others' token with him.
        return await asyncio.shield(self._renewal)

    def discard(self, bearer: str) -> None:
        """Forget an access token that was refused, unless there is another one already."""
        if self._bearer == bearer:
            self._bearer = ""

    async def _renew(self) -> str:
        now = self._now()
        self._renew_at = min(now + _AGAIN_AFTER_A_FAILURE, self._expires_at)
        parameters = self._credential.parameters()
        request = token_service_pb2.TokenRequest(grant_type="client_credentials", scope=self._scope, **parameters)
        answer = await self._token.Token(request)
        lifetime = timedelta(seconds=answer.expires_in)
        self._bearer = answer.access_token
        self._renew_at = now + lifetime * _RENEW_AFTER
        self._expires_at = now + lifetime
        return self._bearer

    def _renewed(self, renewal: asyncio.Task[str]) -> None:
        self._renewal = None
        if not renewal.cancelled() and (error := renewal.exception()):
            # Whoever waits is told; where nobody waits, this is all that is to be seen.
            log.warning("no access token to be had: %s", error)
