"""The pool: what is away, busy or slow is said; what comes back is used again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.errors import DeadlineExceeded, Overloaded, Unavailable
from tests.support.databases import Databases


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
