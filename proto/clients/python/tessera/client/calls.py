"""What a channel adds to every call."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import grpc
from grpc.aio import Metadata
from tessera.client.errors import OF_REASON, OF_STATUS
from tessera.client.failure import TesseraError, told
from tessera.client.tokens import AccessTokens

_REQUEST_ID = "x-request-id"
_AUTHORIZATION = "authorization"

Details = grpc.aio.ClientCallDetails
Call = grpc.aio.UnaryUnaryCall[Any, Any]
Stream = grpc.aio.UnaryStreamCall[Any, Any]
TwoWayStream = grpc.aio.StreamStreamCall[Any, Any]
Made = TypeVar("Made")


class _Calls:
    """What calls of every kind are given: a request id, a credential, and an error that is of a class.

    A call whose access token is refused is made once more with a new one, whatever it does: it has not been done.

    Args:
        access_tokens: where the credential comes from; `None` for calls without one. A call that brings metadata
            `authorization` keeps its own, and so it is with `x-request-id`.
        timeout: seconds that a call may take which names no time itself, everything included; of a stream, seconds that
            getting its access token may take.
    """

    def __init__(self, access_tokens: AccessTokens | None, timeout: float) -> None:
        self._access_tokens = access_tokens
        self._timeout = timeout

    async def _made(
        self, details: Details, request_id: str, deadline: float, attempt: Callable[[Metadata], Awaitable[Made]]
    ) -> Made:
        """What an attempt made, given the metadata. Raises `TesseraError`."""
        given = details.metadata or Metadata()

        async def make(bearer: str | None) -> Made:
            metadata = Metadata(*given)
            metadata[_REQUEST_ID] = request_id
            if bearer is not None:
                metadata[_AUTHORIZATION] = f"Bearer {bearer}"
            return await attempt(metadata)

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
            raise _classified(error, details.method, request_id) from None

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


class Calls(_Calls, grpc.aio.UnaryUnaryClientInterceptor):
    """Gives a call its request id, its credential and its deadline, and its error a class."""

    async def intercept_unary_unary(
        self,
        continuation: Callable[[Details, Any], Awaitable[Call]],
        client_call_details: Details,
        request: Any,
    ) -> Call:
        """Make one call. Raises `TesseraError`."""
        now = asyncio.get_running_loop().time
        timeout = self._timeout if client_call_details.timeout is None else client_call_details.timeout
        deadline = now() + timeout

        async def attempt(metadata: Metadata) -> Call:
            call = await continuation(_with(client_call_details, max(0.0, deadline - now()), metadata), request)
            await call
            return call

        return await self._made(client_call_details, _request_id(client_call_details), deadline, attempt)


class Streams(_Calls, grpc.aio.UnaryStreamClientInterceptor):
    """Gives a stream its request id and its credential, and its error a class. It has no deadline but the caller's.

    A stream is not begun again when it ends: only who reads it knows from where. It ends as `Unauthenticated` when its
    access token expires.
    """

    async def intercept_unary_stream(
        self,
        continuation: Callable[[Details, Any], Awaitable[Stream]],
        client_call_details: Details,
        request: Any,
    ) -> AsyncIterator[Any]:
        """Begin one stream; it has begun when its first message is there. Raises `TesseraError`, then and later."""
        request_id = _request_id(client_call_details)
        deadline = asyncio.get_running_loop().time() + self._timeout

        async def attempt(metadata: Metadata) -> tuple[Stream, Any]:
            stream = await continuation(_with(client_call_details, client_call_details.timeout, metadata), request)
            return stream, await stream.read()

        stream, first = await self._made(client_call_details, request_id, deadline, attempt)
        return _messages(stream, first, client_call_details.method, request_id)


class TwoWayStreams(_Calls, grpc.aio.StreamStreamClientInterceptor):
    """Gives a stream of requests and answers what `Streams` gives a stream of answers.

    One whose access token is refused is not made again, as its requests are read already. The next one has a new token.
    """

    async def intercept_stream_stream(
        self,
        continuation: Callable[[Details, Any], Awaitable[TwoWayStream]],
        client_call_details: Details,
        request_iterator: Any,
    ) -> AsyncIterator[Any]:
        """Begin one stream. Raises `TesseraError`, then and later."""
        request_id = _request_id(client_call_details)
        deadline = asyncio.get_running_loop().time() + self._timeout

        async def attempt(metadata: Metadata) -> tuple[TwoWayStream, str]:
            details = _with(client_call_details, client_call_details.timeout, metadata)
            bearer = str(metadata.get(_AUTHORIZATION) or "").removeprefix("Bearer ")
            return await continuation(details, request_iterator), bearer

        stream, bearer = await self._made(client_call_details, request_id, deadline, attempt)
        return self._answers(stream, bearer, client_call_details.method, request_id)

    async def _answers(
        self, stream: TwoWayStream, bearer: str, method: str | bytes, request_id: str
    ) -> AsyncIterator[Any]:
        try:
            while (message := await stream.read()) is not grpc.aio.EOF:
                yield message
        except grpc.aio.AioRpcError as error:
            if self._access_tokens and error.code() is grpc.StatusCode.UNAUTHENTICATED:
                self._access_tokens.discard(bearer)
            raise _classified(error, method, request_id) from None


async def _messages(stream: Stream, first: Any, method: str | bytes, request_id: str) -> AsyncIterator[Any]:
    """All messages of a stream that has begun. Raises `TesseraError`."""
    try:
        message = first
        while message is not grpc.aio.EOF:
            yield message
            message = await stream.read()
    except grpc.aio.AioRpcError as error:
        raise _classified(error, method, request_id) from None


def _request_id(details: Details) -> str:
    return str((details.metadata or Metadata()).get(_REQUEST_ID) or uuid.uuid4())


def _with(details: Details, timeout: float | None, metadata: Metadata) -> Details:
    return Details(details.method, timeout, metadata, details.credentials, details.wait_for_ready)


def _classified(error: grpc.aio.AioRpcError, method: str | bytes, request_id: str) -> TesseraError:
    """The error as one of its class. A reason that is newer than this package has the class of its status."""
    reason, _ = told(error)
    made = (OF_REASON.get(reason) or OF_STATUS[error.code()])(
        error.code(), error.initial_metadata(), error.trailing_metadata(), error.details(), error.debug_error_string()
    )
    made.method = method.decode() if isinstance(method, bytes) else method
    made.request_id = request_id
    return made
