"""Knowledge of revocations without a token service: that there are none."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
from tessera.token.v1 import feed_service_pb2, feed_service_pb2_grpc

from services.runtime.clock import Clock
from services.runtime.env import Address
from services.runtime.revocations import Revocations

NOTHING = feed_service_pb2.WatchRevocationsResponse(cursor="here", up_to_date=True)


def nothing_revoked(clock: Clock | None = None) -> Revocations:
    """As a service knows it that has just been told so."""
    revocations = Revocations(clock or Clock(), timedelta(hours=1))
    revocations.take(NOTHING)
    return revocations


class _Nothing(feed_service_pb2_grpc.RevocationServiceServicer):
    async def WatchRevocations(  # noqa: N802 gRPC's
        self, _request: Any, _context: Any
    ) -> AsyncIterator[feed_service_pb2.WatchRevocationsResponse]:
        while True:
            yield NOTHING
            await asyncio.sleep(0.2)


@asynccontextmanager
async def silent_feed() -> AsyncIterator[Address]:
    """What is left of a token service of which nothing but the feed is there, and nothing happens."""
    server = grpc.aio.server()
    feed_service_pb2_grpc.add_RevocationServiceServicer_to_server(_Nothing(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield Address("127.0.0.1", port)
    finally:
        await server.stop(0)
