"""The pool: what is away, busy or slow is said; what comes back is used again."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from services.runtime import db
from services.runtime.clock import Clock
from services.runtime.db import Database, connected
from services.runtime.errors import DeadlineExceeded, Overloaded, Unavailable
from tests.support.databases import Databases
from tests.support.wires import wire_to


def database_at(dsn: str, *, pool_size: int = 2) -> Database:
    return Database(
        dsn, service="test", pool_size=pool_size, statement_timeout=timedelta(milliseconds=300), clock=Clock()
    )


@pytest_asyncio.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    made = database_at(databases.empty("token"))
    await made.start()
    yield made
    await made.close()


async def test_the_clock_follows_the_database(databases: Databases) -> None:
    clock = Clock()
    clock.follow(datetime.now(UTC) + timedelta(hours=1))
    made = Database(
        databases.empty("token"), service="test", pool_size=1, statement_timeout=timedelta(seconds=1), clock=clock
    )
    await made.start()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)
    await made.close()


async def test_an_absent_database_is_unavailable(tmp_path: Path) -> None:
    away = database_at(f"postgres://token@/none?host={tmp_path}")
    await away.start()
    assert away.problem
    with pytest.raises(Unavailable):
        await away.fetchval("select 1")
    await away.close()


async def test_a_slow_statement_ends(database: Database) -> None:
    with pytest.raises(DeadlineExceeded):
        await database.fetchval("select pg_sleep(5)")
    assert await database.fetchval("select 1") == 1


async def test_a_lost_connection_is_replaced(database: Database) -> None:
    await asyncio.gather(*(database.fetchval("select 1") for _ in range(2)))
    with pytest.raises(Unavailable):
        await database.fetchval("select pg_terminate_backend(pg_backend_pid())")
    assert await database.fetchval("select 1") == 1


async def test_connections_that_were_lost_while_nobody_used_them_are_replaced(database: Database) -> None:
    own = "pid <> pg_backend_pid() and datname = current_database()"
    before = await asyncio.gather(*(database.fetchval("select pg_backend_pid() from pg_sleep(0.1)") for _ in range(2)))
    await database.fetch(f"select pg_terminate_backend(pid) from pg_stat_activity where {own}")
    async with asyncio.timeout(10):
        while await database.fetchval(f"select count(*) from pg_stat_activity where pid = any($1) and {own}", before):
            await asyncio.sleep(0.01)
    assert await asyncio.gather(*(database.fetchval("select 1 from pg_sleep(0.1)") for _ in range(2))) == [1, 1]


async def test_who_waits_for_a_connection_gets_the_next(databases: Databases) -> None:
    few = database_at(databases.empty("token"), pool_size=2)
    await few.start()
    numbers = await asyncio.gather(
        *(few.fetchval("select $1::int from pg_sleep(0.002)", number) for number in range(200))
    )
    assert numbers == list(range(200))
    # What went wrong, or was given up, leaves none behind in use.
    for _ in range(5):
        given_up = asyncio.create_task(few.fetchval("select pg_sleep(3)"))
        await asyncio.sleep(0.01)
        given_up.cancel()
        with pytest.raises(asyncpg.DivisionByZeroError):
            await few.fetchval("select 1 / 0")
    assert await asyncio.gather(*(few.fetchval("select 1") for _ in range(10))) == [1] * 10
    await few.close()


async def test_too_many_at_once_are_told_so(databases: Databases) -> None:
    one = database_at(databases.empty("token"), pool_size=1)
    await one.start()
    async with one.connection():
        with pytest.raises(Overloaded):
            await one.fetchval("select 1")
    await one.close()


async def test_what_a_statement_does_wrong_is_left_to_the_store(database: Database) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await database.fetchval("select 1 / 0")


async def test_a_transaction_is_one(database: Database) -> None:
    await database.execute("create table t (id int primary key)")
    with pytest.raises(asyncpg.UniqueViolationError):
        async with database.transaction() as connection:
            await connection.execute("insert into t values (1)")
            await connection.execute("insert into t values (1)")
    assert await database.fetchval("select count(*) from t") == 0


async def test_connections_that_went_silent_are_replaced(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A host that lost its power says no word more: neither statements under way nor idle connections wait for one."""
    async with wire_to(databases.empty("token"), tmp_path_factory.mktemp("w")) as wire:
        made = database_at(wire.dsn, pool_size=3)
        await made.start()
        await asyncio.gather(*(made.fetchval("select pg_sleep(0.05)") for _ in range(3)))
        under_way = asyncio.create_task(made.fetchval("select pg_sleep(0.2)"))
        await asyncio.sleep(0.1)
        wire.cut()
        async with asyncio.timeout(20):
            with pytest.raises(Unavailable):
                await under_way
            while made.problem is None:
                await asyncio.sleep(0.05)
            while made.problem:
                await asyncio.sleep(0.05)
            assert await asyncio.gather(*(made.fetchval("select 1") for _ in range(3))) == [1, 1, 1]
        await made.close()


async def test_one_connection_that_went_silent_is_replaced(database: Database) -> None:
    """As where a firewall forgot it: the pulse is heard, and whoever waited for this one would wait for ever."""
    for given_up in (False, True):
        silent = await database.fetchval("select pg_backend_pid()")
        os.kill(silent, signal.SIGSTOP)
        try:
            call = asyncio.create_task(database.fetchval("select 1"))
            await asyncio.sleep(0.1)
            if given_up:
                call.cancel()
            await asyncio.wait((call,), timeout=10)
            assert call.done()
            with pytest.raises(asyncio.CancelledError if given_up else Unavailable):
                await call
            assert database.problem is None
            assert await asyncio.gather(*(database.fetchval("select 1") for _ in range(4))) == [1] * 4
        finally:
            os.kill(silent, signal.SIGCONT)


async def test_so_is_one_that_went_silent_in_a_transaction(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "_LONGEST", timedelta(milliseconds=300))
    made = database_at(databases.empty("token"))
    await made.start()

    async def transaction() -> None:
        async with made.transaction():
            pass

    silent = await made.fetchval("select pg_backend_pid()")
    os.kill(silent, signal.SIGSTOP)
    try:
        call = asyncio.create_task(transaction())
        await asyncio.wait((call,), timeout=10)
        assert call.done()
        with pytest.raises(Unavailable):
            await call
    finally:
        os.kill(silent, signal.SIGCONT)
    await made.close()


async def test_a_connection_of_ones_own_that_went_silent_is_given_up(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with wire_to(databases.empty("token"), tmp_path_factory.mktemp("w")) as wire, asyncio.timeout(20):
        with pytest.raises(Unavailable):
            async with connected(wire.dsn, patience=timedelta(milliseconds=300)) as connection:
                wire.cut()
                await connection.fetchval("select 1")
