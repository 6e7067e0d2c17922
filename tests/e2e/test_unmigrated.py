"""A service that is started before its schema is there: it says so, and is ready by itself once there is one."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from deploy.local.home import Home
from services.token.identities import Identities
from tests.support.calls import NOT_SERVING, SERVING, until_health
from tests.support.databases import Databases
from tests.support.machine import Machine
from tests.support.token_client import TokenClient


@pytest.mark.parametrize("service", ["account", "binding"])
async def test_the_schema_alone_is_missing(databases: Databases, tmp_path: Path, service: str) -> None:
    machine = Machine(Home(tmp_path), databases, unmigrated=service)
    await machine.bootstrap()
    async with AsyncExitStack() as stack:
        await until_health(await stack.enter_async_context(machine.running("token")), SERVING)
        channel = await stack.enter_async_context(machine.running(service))
        await machine.says(
            service, "not ready", f"schema='run `python -m services.{service} migrate`: 0001", but="keys="
        )
        await until_health(channel, NOT_SERVING)
        await machine.migrate(service)
        await until_health(channel, SERVING)


async def test_token_lacks_its_schema_and_then_its_first_domain(databases: Databases, tmp_path: Path) -> None:
    machine = Machine(Home(tmp_path), databases, unmigrated="token")
    async with machine.running("token") as channel:
        await machine.says("token", "not ready", "schema='run `python -m services.token migrate`: 0001")
        await until_health(channel, NOT_SERVING)
        await machine.migrate("token")
        await machine.says(
            "token", "not ready", "keys='no signing keys: run `python -m services.token bootstrap`'", but="schema="
        )
        await until_health(channel, NOT_SERVING)
        await machine.bootstrap()
        await until_health(channel, SERVING)
        await TokenClient(channel, Identities.read(machine.home.identities).as_json()).operator()
