"""A gate before the token service, at which IssueToken can be made to wait, or be lost: what happens in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from services.runtime.env import Address


class Gate(grpc.GenericRpcHandler):
    """Passes every call on as it is; of IssueToken's, what it is told.

    `waiting` is set where one came and waits; it goes on when `go` is set, or is answered as if token had gone away
    after `lost` was set. Where `late` is set, what waits is token's answer: the session has begun.
    """

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.waiting, self.go, self.lost, self.late = (asyncio.Event() for _ in range(4))
        self.go.set()
        self._channel = channel

    def close(self) -> None:
        """Let the next call wait."""
        self.waiting.clear()
        self.go.clear()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Every method, as a stream of bytes in both directions: of one message where it is none."""

        async def forward(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
            stops = details.method.endswith("/IssueToken")
            if stops and not self.late.is_set():
                await self._wait(context)
            call = self._channel.stream_stream(details.method)(
                requests, metadata=[pair for pair in details.invocation_metadata if not pair[0].startswith("grpc-")]
            )
            try:
                async for answer in call:
                    if stops and self.late.is_set():
                        await self._wait(context)
                    yield answer
            except grpc.aio.AioRpcError as error:
                context.set_trailing_metadata(tuple(error.trailing_metadata() or ()))
                await context.abort(error.code(), error.details() or "")
            finally:
                call.cancel()

        return grpc.stream_stream_rpc_method_handler(forward)

    async def _wait(self, context: grpc.aio.ServicerContext) -> None:
        self.waiting.set()
        await self.go.wait()
        if self.lost.is_set():
            await context.abort(grpc.StatusCode.UNAVAILABLE, "the connection was lost")


@asynccontextmanager
async def gated(token: Address) -> AsyncIterator[tuple[Gate, Address]]:
    """A gate before a token service, and where it is reached."""
    server = grpc.aio.server()
    async with grpc.aio.insecure_channel(str(token)) as channel:
        gate = Gate(channel)
        server.add_generic_rpc_handlers([gate])
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        yield gate, Address("127.0.0.1", port)
        await server.stop(0)
