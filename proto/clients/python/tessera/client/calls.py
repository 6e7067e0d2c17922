"""What a channel adds to every call."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc.aio import Metadata
from tessera.client.errors import OF_REASON, OF_STATUS
from tessera.client.failure import TesseraError, told
from tessera.client.tokens import AccessTokens

_REQUEST_ID = "x-request-id"
_AUTHORIZATION = "authorization"

Call = grpc.aio.UnaryUnaryCall[Any, Any]


class Calls(grpc.aio.UnaryUnaryClientInterceptor):
    """Gives a call its request id, its credential and its deadline, and its error a class.

    A call whose access token is refused is made once more with a new one, whatever it does: it has not been done.

    Args:
        access_tokens: where the credential comes from; `None` for calls without one. A call that brings metadata
            `authorization` keeps its own, and so it is with `x-request-id`.
        timeout: seconds that a call may take which names no time itself, everything included.
    """

    def __init__(self, access_tokens: AccessTokens | None, timeout: float) -> None:
        self._access_tokens = access_tokens
        self._timeout = timeout

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Call]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Call:
        """Make one call. Raises `TesseraError`."""
        timeout = self._timeout if client_call_details.timeout is None else client_call_details.timeout
        deadline = asyncio.get_running_loop().time() + timeout
        given = client_call_details.metadata or Metadata()
        request_id = given.get(_REQUEST_ID) or str(uuid.uuid4())

        async def make(bearer: str | None) -> Call:
            metadata = Metadata(*given)
            metadata[_REQUEST_ID] = request_id
            if bearer is not None:
                metadata[_AUTHORIZATION] = f"Bearer {bearer}"
            details = grpc.aio.ClientCallDetails(
                client_call_details.method,
                max(0.0, deadline - asyncio.get_running_loop().time()),
                metadata,
                client_call_details.credentials,
                client_call_details.wait_for_ready,
            )
            call = await continuation(details, request)
            await call
            return call

        try:
            if self._access_tokens is None or given.get(_AUTHORIZATION):
                return await make(None)
            bearer = await self._bearer(self._access_tokens, deadline)
            try:
                return await make(bearer)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
            self._access_tokens.discard(bearer)
            return await make(await self._bearer(self._access_tokens, deadline))
        except TesseraError:
            raise  # the access token's: its own method and request
        except grpc.aio.AioRpcError as error:
            # From nowhere: it holds all that the other did.
            raise _classified(error, client_call_details.method, str(request_id)) from None

    @staticmethod
    async def _bearer(access_tokens: AccessTokens, deadline: float) -> str:
        try:
            async with asyncio.timeout_at(deadline):
                return await access_tokens.get()
        except TimeoutError:
            late = "The deadline passed before there was an access token."
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.DEADLINE_EXCEEDED, Metadata(), Metadata(), details=late
            ) from None


def _classified(error: grpc.aio.AioRpcError, method: str | bytes, request_id: str) -> TesseraError:
    """The error as one of its class. A reason that is newer than this package has the class of its status."""
    reason, _ = told(error)
    made = (OF_REASON.get(reason) or OF_STATUS[error.code()])(
        error.code(), error.initial_metadata(), error.trailing_metadata(), error.details(), error.debug_error_string()
    )
    made.method = method.decode() if isinstance(method, bytes) else method
    made.request_id = request_id
    return made
