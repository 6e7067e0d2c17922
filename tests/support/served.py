"""A pipeline served on a port of its own, in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from services.runtime.pipeline import Pipeline


@asynccontextmanager
async def serving(pipeline: Pipeline) -> AsyncIterator[tuple[grpc.aio.Server, grpc.aio.Channel]]:
    """A server of the methods that a pipeline was given, stopped at the end, and a channel to it."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((pipeline,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield server, channel
    await server.stop(0)
