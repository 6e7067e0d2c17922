"""Streams on a server: ended when it stops, closed when nobody reads them, and no longer than their credential."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc
import pytest
import pytest_asyncio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from tessera.token.v1 import feed_service_pb2 as pb2
from tessera.token.v1 import feed_service_pb2_grpc as pb2_grpc

from services.runtime import telemetry
from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.pipeline import Pipeline
from tests.support.calls import refusal_in
from tests.support.keys import KEYS, Known, caller
from tests.support.revocations import nothing_revoked
from tests.support.served import serving

SERVICE = pb2.DESCRIPTOR.services_by_name["UserFeedService"]
MAY = ("token.user.watch",)


@dataclass
class Ticking(pb2_grpc.UserFeedServiceServicer):
    """Says something a hundred times a second, and counts whom it says it to."""

    watching: int = 0
    quiet: bool = False

    async def WatchUsers(self, _request: Any, _context: Any) -> AsyncIterator[pb2.WatchUsersResponse]:  # noqa: N802
        self.watching += 1
        try:
            yield pb2.WatchUsersResponse()
            while True:
                await asyncio.sleep(0.01)
                if not self.quiet:
                    yield pb2.WatchUsersResponse()
        finally:
            self.watching -= 1


@dataclass
class Served:
    server: grpc.aio.Server
    pipeline: Pipeline
    ticking: Ticking
    channel: grpc.aio.Channel
    clock: Clock
    opened: list[Any] = field(default_factory=list)

    async def watch(self) -> Any:
        """A stream whose first message was there."""
        stream = pb2_grpc.UserFeedServiceStub(self.channel).WatchUsers(pb2.WatchUsersRequest(), metadata=caller(*MAY))
        assert await stream.read() == pb2.WatchUsersResponse()
        return stream

    async def until_watching(self, count: int) -> None:
        async with asyncio.timeout(30):
            while self.ticking.watching != count:
                await asyncio.sleep(0.01)


async def to_the_end(stream: Any) -> None:
    """Read what there is."""
    async with asyncio.timeout(30):
        while await stream.read() is not grpc.aio.EOF:
            pass


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    clock = Clock()
    pipeline = Pipeline([SERVICE], Authenticator("token", Known(dict(KEYS)), clock, nothing_revoked(clock)))
    ticking = Ticking()
    pb2_grpc.add_UserFeedServiceServicer_to_server(ticking, pipeline)
    async with serving(pipeline) as (server, channel):
        yield Served(server, pipeline, ticking, channel, clock)


@pytest.mark.parametrize("quiet", [False, True])
async def test_a_server_that_stops_waits_for_no_stream(served: Served, *, quiet: bool) -> None:
    served.ticking.quiet = quiet
    streams = [await served.watch() for _ in range(10)]
    started = time.monotonic()
    served.pipeline.streams.end()
    await served.server.stop(30)
    assert time.monotonic() - started < 10
    assert served.ticking.watching == 0
    for stream in streams:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await to_the_end(stream)
        assert refusal_in(caught.value).reason == "UNAVAILABLE"


async def test_none_begins_on_a_server_that_stops(served: Served) -> None:
    served.pipeline.streams.end()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.watch()
    assert refusal_in(caught.value).reason == "UNAVAILABLE"


@pytest.mark.parametrize("quiet", [False, True])
async def test_a_watcher_that_goes_away_costs_nothing_more(served: Served, *, quiet: bool) -> None:
    served.ticking.quiet = quiet
    streams = [await served.watch() for _ in range(5)]
    await served.until_watching(5)
    for stream in streams[:4]:
        stream.cancel()
    await served.until_watching(1)
    await served.channel.close()
    await served.until_watching(0)


async def test_a_stream_lives_no_longer_than_its_credential(served: Served) -> None:
    stream = await served.watch()
    served.clock.shift(timedelta(seconds=61))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await to_the_end(stream)
    assert refusal_in(caught.value).reason == "UNAUTHENTICATED"
    await served.until_watching(0)


async def test_how_long_a_stream_lasted_is_no_latency(served: Served) -> None:
    method = f"/{SERVICE.full_name}/WatchUsers"
    (await served.watch()).cancel()
    await served.until_watching(0)
    samples = [sample for metric in telemetry.CALLS.collect() for sample in metric.samples]
    assert {sample.name for sample in samples if sample.labels["method"] == method} == {"tessera_calls_total"}


async def test_a_service_stops_though_its_health_is_watched(served: Served) -> None:
    """As every server does that `services/runtime/server.py` opens: the health service's streams are ended, too."""
    health_servicer = health.aio.HealthServicer()
    pipeline = Pipeline([], Authenticator("token", Known({}), served.clock, nothing_revoked(served.clock)))
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, pipeline)
    async with serving(pipeline) as (server, channel):
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        await watch.read()
        started = time.monotonic()
        pipeline.streams.end()
        await server.stop(30)
        assert time.monotonic() - started < 10
