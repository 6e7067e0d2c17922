"""A running binding service, and push apps that call it over gRPC with tokens of a running token service."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import asyncpg
import grpc
import pytest
import pytest_asyncio

from services.binding.changes import Changes
from services.binding.config import BindingSettings
from services.binding.store import PARTITIONED, Store
from services.binding.wiring import wire
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.env import Address
from services.runtime.partitions import Partitions
from services.runtime.server import opened
from tests.binding.callers import PushApp
from tests.binding.changing import Replica
from tests.binding.fleet import Fleet, FleetApp, fleet_of
from tests.support.calls import bearer
from tests.support.databases import Databases
from tests.support.ports import free_ports
from tests.support.processes import processes
from tests.support.token import Running, running

PushApps = Callable[..., Awaitable[PushApp]]
Replicas = Callable[..., list[Replica]]
FleetApps = Callable[..., Awaitable[FleetApp]]


def settings_for(dsn: str, token_address: tuple[Address, ...], folder: Path) -> BindingSettings:
    """Settings of a service on a free port."""
    return BindingSettings(
        listen=(free_address(),),
        dsn=dsn,
        state_dir=folder / "state",
        token_address=token_address,
        drain=timedelta(seconds=1),
    )


def free_address() -> Address:
    """A loopback address that nobody listens on."""
    return Address("127.0.0.1", free_ports(1)[0])


@pytest_asyncio.fixture(scope="package")
async def token_service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(databases.fresh("token"), tmp_path_factory.mktemp("token")) as made:
        yield made


@pytest_asyncio.fixture(scope="package")
async def settings(
    databases: Databases, token_service: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[BindingSettings]:
    """Of the one service that runs for all tests: each of them has push apps of its own, which share nothing."""
    made = settings_for(databases.fresh("binding"), token_service.settings.listen, tmp_path_factory.mktemp("binding"))
    async with opened("binding", made, wire, Clock()):
        yield made


@pytest_asyncio.fixture(scope="package")
async def channel(settings: BindingSettings) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(str(settings.listen[0])) as made:
        yield made


@pytest_asyncio.fixture(scope="package")
async def connection(settings: BindingSettings) -> AsyncIterator[asyncpg.Connection]:
    """The service's database, to look at."""
    made = await asyncpg.connect(settings.dsn)
    yield made
    await made.close()


@pytest.fixture(scope="package")
def push_apps(token_service: Running, channel: grpc.aio.Channel, connection: asyncpg.Connection) -> PushApps:
    """Makes push apps: `await push_apps(cap=100, append_enabled=False)`."""

    async def make(cap: int = 100, *, append_enabled: bool = False) -> PushApp:
        made = await token_service.push_app(tokens_per_account=cap, append_enabled=append_enabled)
        return PushApp(made.access_id, await token_service.push_token(made.access_id), channel, connection)

    return make


@pytest_asyncio.fixture
async def push_app(push_apps: PushApps) -> PushApp:
    """A push app with a cap of 100, whose operator 1 acts as operator 2."""
    return await push_apps()


@pytest_asyncio.fixture(scope="package")
async def fleet(
    databases: Databases, token_service: Running, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    """Three real processes of the service."""
    dsn, folder = databases.fresh("binding"), tmp_path_factory.mktemp("fleet")
    async with processes(3, dsn, token_service.settings.listen, folder) as made, fleet_of(made) as fleet:
        yield fleet


@pytest.fixture(scope="package")
def fleet_apps(token_service: Running) -> FleetApps:
    """Makes push apps that call a fleet: `await fleet_apps(fleet, cap=5)`."""

    async def make(fleet: Fleet, cap: int = 100) -> FleetApp:
        made = await token_service.push_app(tokens_per_account=cap, append_enabled=True)
        return FleetApp(fleet, made.access_id, bearer(await token_service.push_token(made.access_id)))

    return make


@pytest_asyncio.fixture
async def replicas(database_url: Callable[[str], str]) -> AsyncIterator[Replicas]:
    """Makes processes of the service on one database, with 40 connections together: `replicas(3, cap=5)`."""
    clock, dsn = Clock(), database_url("binding")
    database = Database(dsn, service="binding", pool_size=40, statement_timeout=timedelta(seconds=20), clock=clock)
    await database.start()
    await Partitions(dsn, clock, PARTITIONED).attach()
    store = Store(database)

    def make(number: int = 1, cap: int = 100) -> list[Replica]:
        return [Replica(store, Changes(store, clock), cap) for _ in range(number)]

    yield make
    await database.close()
