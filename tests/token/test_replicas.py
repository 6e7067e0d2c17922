"""Two token services on one database: what an operator changes at one, the other knows within a second."""

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio

from services.runtime.env import Address
from services.token.config import TokenSettings
from tests.support.calls import refusal_in
from tests.support.ports import free_ports
from tests.support.token import Founded, Running, serving
from tests.support.token_client import App

# A second, and what a busy machine takes beside it.
SOON_SECONDS = 3.0
DISABLE = "update token.app set admitted = false where client_id = $1"
TELL = "select pg_notify('token_changes', 'app:' || $1::text)"
KILL = """
select pg_terminate_backend(pid) from pg_stat_activity
where application_name = 'tessera-listener' and datname = current_database()
"""


@pytest_asyncio.fixture
async def pair(founded: Founded, own_settings: TokenSettings, tmp_path: Path) -> AsyncIterator[tuple[Running, Running]]:
    async with serving(own_settings, founded.made) as first:
        settings = dataclasses.replace(
            first.settings,
            listen=(Address("127.0.0.1", free_ports(1)[0]),),
            state_dir=tmp_path / "second",
        )
        async with serving(settings, first.made) as second:
            yield first, second


async def _refused_soon(call: Callable[[], Awaitable[Any]], reason: str) -> float:
    """Call until it is refused; answers after how many seconds it was called last and still answered."""
    started = answered_at = time.monotonic()
    async with asyncio.timeout(30):
        while True:
            called_at = time.monotonic()
            try:
                await call()
            except grpc.aio.AioRpcError as error:
                refusal = refusal_in(error)
                break
            answered_at = called_at
    assert refusal.reason == reason
    return answered_at - started


async def _listening(*services: Running) -> None:
    """Wait until each has a connection that listens."""
    async with services[0].database() as database, asyncio.timeout(30):
        while True:
            count = await database.fetchval(
                "select count(*) from pg_stat_activity where application_name = 'tessera-listener'"
                " and datname = current_database() and query like 'select pg_backend_pid%'"
            )
            if count >= len(services):
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", ["none", "killed before", "killed at once", "killed after", "nothing told"])
async def test_an_app_that_is_not_admitted_any_more_gets_nothing(pair: tuple[Running, Running], fault: str) -> None:
    first, second = pair
    app: App = await first.web_app()
    await second.by_secret(app)
    await _listening(first, second)
    async with first.database() as database:
        if fault == "killed before":
            # The change is made while nobody listens.
            await database.execute(KILL)
        async with database.transaction() as connection:
            await connection.execute(DISABLE, app.client_id)
            if fault == "killed at once":
                await connection.execute(KILL)
            if fault != "nothing told":
                await connection.execute(TELL, app.client_id)
            else:
                await connection.execute(KILL)
        if fault == "killed after":
            await database.execute(KILL)
        for service in pair:
            assert await _refused_soon(lambda at=service: at.by_secret(app), "UNAUTHORIZED_CLIENT") < SOON_SECONDS


async def test_a_refresh_of_such_an_app_is_refused(pair: tuple[Running, Running]) -> None:
    first, second = pair
    app = await first.jwt_app()
    token = (await first.by_assertion(app, await first.user())).refresh_token
    token = (await second.refresh(app, token)).refresh_token
    async with first.database() as database, database.transaction() as connection:
        await connection.execute(DISABLE, app.client_id)
        await connection.execute(TELL, app.client_id)
    for service in pair:
        await _refused_soon(lambda at=service: at.refresh(app, token), "UNAUTHORIZED_CLIENT")


async def test_a_disabled_user_is_refused_at_once_by_both(pair: tuple[Running, Running]) -> None:
    first, second = pair
    app = await first.jwt_app()
    user_id = await first.user()
    token = (await first.by_assertion(app, user_id)).refresh_token
    token = (await second.refresh(app, token)).refresh_token
    await first.set_status(user_id, "disabled")
    for service in pair:
        assert await _refused_soon(lambda at=service: at.refresh(app, token), "INVALID_REFRESH_TOKEN") == 0


async def test_what_one_admits_the_other_answers(pair: tuple[Running, Running]) -> None:
    first, second = pair
    app = await first.web_app(admit=False)
    assert await _refused_soon(lambda: second.by_secret(app), "UNAUTHORIZED_CLIENT") == 0
    async with first.database() as database, database.transaction() as connection:
        await connection.execute("update token.app set admitted = true where client_id = $1", app.client_id)
        await connection.execute(TELL, app.client_id)
    async with asyncio.timeout(30):
        while True:
            try:
                await second.by_secret(app)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.02)
            else:
                return


async def test_a_thousand_uses_at_once_through_both_make_one_successor(pair: tuple[Running, Running]) -> None:
    first, second = pair
    app = await first.jwt_app()
    token = (await first.by_assertion(app, await first.user())).refresh_token
    answers = await asyncio.gather(
        *(service.refresh(app, token) for _ in range(500) for service in pair), return_exceptions=True
    )
    issued = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert (len(issued), len(refused)) == (11, 989)
    assert len({answer.refresh_token for answer in issued}) == 1
    assert {refusal_in(error).reason for error in refused} == {"INVALID_REFRESH_TOKEN"}
    details = [row["detail"] for row in await first.audit(client_id=app.client_id) if "refresh" in row["event"]]
    assert (details.count("rotated"), details.count("repeated"), details.count("grace_exhausted")) == (1, 10, 989)
    await second.refresh(app, issued[0].refresh_token)
