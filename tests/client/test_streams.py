"""Streams by a channel: what they carry, how they fail, and that nobody begins them again but who reads them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from tessera.binding.v1.device_token_service_pb2 import (
    Binding,
    StreamTokensRequest,
    StreamTokensResponse,
    TypedAccount,
)
from tessera.binding.v1.device_token_service_pb2_grpc import DeviceTokenServiceStub
from tessera.client import AccessTokens, ClientSecret, errors, open_channel
from tessera.token.v1.feed_service_pb2 import WatchUsersRequest, WatchUsersResponse
from tessera.token.v1.feed_service_pb2_grpc import UserFeedServiceStub
from tessera.token.v1.token_pb2 import Token

Says = Callable[[grpc.aio.ServicerContext], Awaitable[None]]


def say(*cursors: str) -> Says:
    """One message for each."""

    async def answer(context: grpc.aio.ServicerContext) -> None:
        for cursor in cursors:
            await context.write(WatchUsersResponse(cursor=cursor).SerializeToString())

    return answer


def refuse(code: grpc.StatusCode, reason: str = "") -> Says:
    async def answer(context: grpc.aio.ServicerContext) -> None:
        status = status_pb2.Status(code=code.value[0], message="no")
        status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="tessera"))
        await context.abort_with_status(rpc_status.to_status(status))

    return answer


async def wait(_context: grpc.aio.ServicerContext) -> None:
    await asyncio.Event().wait()


@dataclass
class Streaming(grpc.GenericRpcHandler):
    """A server whose streams do what a test says, one list of steps for each call; token is any token in turn."""

    calls: list[list[Says]]
    metadata: list[dict[str, str]] = field(default_factory=list)
    left: list[Any] = field(default_factory=list)
    tokens: int = 0

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        if handler_call_details.method.endswith("/Token"):
            return grpc.unary_unary_rpc_method_handler(self._token)
        if handler_call_details.method.endswith("/StreamTokens"):
            return grpc.stream_stream_rpc_method_handler(self._stream)
        return grpc.unary_stream_rpc_method_handler(self._stream)

    async def _token(self, _request: bytes, _context: grpc.aio.ServicerContext) -> bytes:
        self.tokens += 1
        return Token(access_token=f"token-{self.tokens}", expires_in=7200).SerializeToString()

    async def _stream(self, _request: bytes, context: grpc.aio.ServicerContext) -> None:
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata() or ()})
        self.left.append(context.time_remaining())
        for says in self.calls.pop(0):
            await says(context)

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers([self])
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)


@contextlib.asynccontextmanager
async def opened(server: Streaming) -> AsyncIterator[UserFeedServiceStub]:
    async with open_channel(server.address) as token:
        access_tokens = AccessTokens(token, ClientSecret("one", "secret"))
        async with open_channel(server.address, access_tokens=access_tokens, timeout=1) as channel:
            yield UserFeedServiceStub(channel)


async def read(stub: UserFeedServiceStub, **options: Any) -> list[str]:
    return [message.cursor async for message in stub.WatchUsers(WatchUsersRequest(), **options)]


async def test_a_stream_brings_the_access_token_and_an_id_and_has_no_deadline() -> None:
    async with Streaming([[say("a", "b")], [say("c")]]) as server, opened(server) as stub:
        assert await read(stub) == ["a", "b"]
        assert await read(stub, metadata=(("authorization", "Bearer own"), ("x-request-id", "mine"))) == ["c"]
        first, second = server.metadata
        assert (first["authorization"], second["authorization"]) == ("Bearer token-1", "Bearer own")
        assert first["x-request-id"] != second["x-request-id"] == "mine"
        assert server.left[0] is None or server.left[0] > 1_000_000


async def test_it_outlives_the_timeout_of_calls_and_keeps_its_own() -> None:
    async def later(_context: grpc.aio.ServicerContext) -> None:
        await asyncio.sleep(1.3)

    async with Streaming([[say("a"), later, say("b")], [say("a"), wait]]) as server, opened(server) as stub:
        assert await read(stub) == ["a", "b"]
        with pytest.raises(errors.DeadlineExceeded):
            await read(stub, timeout=0.3)


async def test_a_stream_without_messages_ends() -> None:
    async with Streaming([[]]) as server, opened(server) as stub:
        assert await read(stub) == []


async def test_a_refused_access_token_is_replaced_once() -> None:
    refusal = refuse(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    async with Streaming([[refusal], [say("a")], [refusal], [refusal]]) as server, opened(server) as stub:
        assert await read(stub) == ["a"]
        one, two = server.metadata
        assert (one["authorization"], two["authorization"]) == ("Bearer token-1", "Bearer token-2")
        assert one["x-request-id"] == two["x-request-id"]
        with pytest.raises(errors.Unauthenticated):
            await read(stub)


async def test_errors_are_classes_before_and_after_the_first_message() -> None:
    expired = refuse(grpc.StatusCode.OUT_OF_RANGE, "CURSOR_EXPIRED")
    refusals = (expired, refuse(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED"))
    async with Streaming([[expired], *([say("a"), each] for each in refusals)]) as server, opened(server) as stub:
        with pytest.raises(errors.CursorExpired) as caught:
            await read(stub)
        assert caught.value.method == "/tessera.token.v1.UserFeedService/WatchUsers"
        for kind in (errors.CursorExpired, errors.Unauthenticated):
            seen = []
            with pytest.raises(kind):  # the second is not begun again: what came before would be lost
                async for message in stub.WatchUsers(WatchUsersRequest()):
                    seen.append(message.cursor)  # noqa: PERF401 until it fails
            assert seen == ["a"]
        assert len(server.metadata) == 3


async def echo(context: grpc.aio.ServicerContext) -> None:
    """An answer with as many bindings as each request has accounts."""
    while (raw := await context.read()) is not grpc.aio.EOF:
        asked = StreamTokensRequest.FromString(raw)
        answer = StreamTokensResponse(bindings=[Binding(account=account) for account in asked.accounts], complete=True)
        await context.write(answer.SerializeToString())


async def asked(*sizes: int) -> AsyncIterator[StreamTokensRequest]:
    for size in sizes:
        yield StreamTokensRequest(accounts=[TypedAccount()] * size)


@contextlib.asynccontextmanager
async def two_way(server: Streaming) -> AsyncIterator[DeviceTokenServiceStub]:
    async with open_channel(server.address) as token:
        access_tokens = AccessTokens(token, ClientSecret("one", "secret"))
        async with open_channel(server.address, access_tokens=access_tokens, timeout=1) as channel:
            yield DeviceTokenServiceStub(channel)


async def test_a_stream_of_requests_brings_the_same() -> None:
    async with Streaming([[echo], [echo], []]) as server, two_way(server) as stub:
        assert [len(each.bindings) async for each in stub.StreamTokens(asked(3, 1, 2))] == [3, 1, 2]
        # Message by message, too.
        stream = stub.StreamTokens(metadata=(("authorization", "Bearer own"), ("x-request-id", "mine")))
        for size in (2, 5):
            await stream.write(StreamTokensRequest(accounts=[TypedAccount()] * size))
            assert len((await stream.read()).bindings) == size
        await stream.done_writing()
        assert await stream.read() is grpc.aio.EOF
        assert [each async for each in stub.StreamTokens(asked())] == []
        first, second, _ = server.metadata
        assert (first["authorization"], second["authorization"]) == ("Bearer token-1", "Bearer own")
        assert first["x-request-id"] != second["x-request-id"] == "mine"
        assert server.left[0] is None or server.left[0] > 1_000_000


async def test_one_whose_access_token_is_refused_is_not_made_again_and_the_next_has_another() -> None:
    """Its requests are read by then."""
    refusal = refuse(grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    async with Streaming([[refusal], [echo]]) as server, two_way(server) as stub:
        with pytest.raises(errors.Unauthenticated) as caught:
            await anext(aiter(stub.StreamTokens()))
        assert caught.value.method == "/tessera.binding.v1.DeviceTokenService/StreamTokens"
        assert caught.value.request_id == server.metadata[0]["x-request-id"]
        assert [len(each.bindings) async for each in stub.StreamTokens(asked(1))] == [1]
        assert [each["authorization"] for each in server.metadata] == ["Bearer token-1", "Bearer token-2"]


async def test_one_that_is_read_no_further_is_cancelled() -> None:
    gone = asyncio.Event()

    async def stay(_context: grpc.aio.ServicerContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    async with Streaming([[say("a"), stay]]) as server, opened(server) as stub:
        stream = stub.WatchUsers(WatchUsersRequest())
        async for _ in stream:
            break
        stream.cancel()
        async with asyncio.timeout(30):
            await gone.wait()
