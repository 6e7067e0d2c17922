"""What the release before calls, on a schema that was migrated under it, before any process of this version ran."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest_asyncio

from services.binding.store import PARTITIONED
from services.runtime.clock import Clock
from services.runtime.ids import uuid7_time
from services.runtime.partitions import Partitions
from tests.binding.changing import APP

NOW = datetime(2026, 11, 1, tzinfo=UTC)
OVERWRITE = "select binding.overwrite_accounts($1, $2, $3, $4, $5, $6)"
ADD = "select binding.add_accounts($1, $2, $3, $4, $5, $6)"
UNBIND = "select binding.unbind_accounts($1, $2, $3, $4)"
CLEAR_TOKENS = "select binding.clear_tokens($1, $2)"
CLEAR_ACCOUNTS = "select binding.clear_accounts($1, $2, $3)"


@pytest_asyncio.fixture
async def dsn(database_url: Callable[[str], str]) -> str:
    return database_url("binding")


@pytest_asyncio.fixture
async def database(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def test_its_calls_change_what_they_did_and_are_told(
    database: "asyncpg.Connection[asyncpg.Record]", dsn: str
) -> None:
    before = datetime.now(UTC)
    await database.execute(OVERWRITE, APP, 2, NOW, ["phone", "phone", "pad"], [0, 1, 0], ["ann", "bob", "ann"])
    await database.execute(ADD, APP, 2, NOW, ["tv", "phone"], [0, 1], ["ann", "carl"])
    await database.execute(UNBIND, APP, ["pad", "pad"], [0, 0], ["ann", "nobody"])
    await database.execute(CLEAR_TOKENS, APP, ["tv", "unknown"])
    await database.execute(CLEAR_ACCOUNTS, APP, [1, 0], ["carl", "unknown"])
    assert await database.fetchval("select count(*) from binding.binding") == 0
    told = await database.fetch("select * from binding.change order by seq")
    changes = [(row["kind"], row["token"], row["account"]) for row in told]
    # What one call binds is told in any order.
    assert sorted(changes[:3]) == [("bound", "pad", "ann"), ("bound", "phone", "ann"), ("bound", "phone", "bob")]
    assert changes[3:] == [
        ("unbound", "phone", "bob"),
        ("bound", "tv", "ann"),
        ("bound", "phone", "carl"),
        ("evicted", "phone", "ann"),
        ("unbound", "pad", "ann"),
        ("unbound", "tv", "ann"),
        ("unbound", "phone", "carl"),
    ]
    assert len({row["operation_id"] for row in told}) == 5
    for row in told:
        assert row["operation_id"].version == 7
        assert (
            before - timedelta(seconds=1) < uuid7_time(row["operation_id"]) < datetime.now(UTC) + timedelta(seconds=1)
        )


async def test_this_version_keeps_the_partitions_that_were_made_for_it(
    database: "asyncpg.Connection[asyncpg.Record]", dsn: str
) -> None:
    await database.execute(OVERWRITE, APP, 2, NOW, ["phone"], [0], ["ann"])
    clock = Clock()
    for day in range(12):
        await Partitions(dsn, clock, PARTITIONED).attach()
        await Partitions(dsn, clock, PARTITIONED).drop()
        kept = await database.fetchval("select count(*) from binding.change")
        assert kept == (1 if day <= 8 else 0)
        clock.shift(timedelta(days=1))
