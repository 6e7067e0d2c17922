"""Partitions: made ahead, dropped behind, also under readers and by several replicas."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitioned, Partitions
from tests.support.databases import Databases

BY_ID = Partitioned("public.by_id", "uuid7", span=timedelta(days=1), keep=timedelta(days=2), fillfactor=70)
BY_TIME = Partitioned("public.by_time", "time", span=timedelta(days=30), keep=timedelta(days=60))


async def opened(databases: Databases, clock: Clock) -> Database:
    dsn = databases.empty("token")
    connection = await asyncpg.connect(dsn)
    await connection.execute("create table by_id (id uuid primary key) partition by range (id)")
    await connection.execute("create table by_time (at timestamptz primary key) partition by range (at)")
    await connection.close()
    database = Database(dsn, service="test", pool_size=8, statement_timeout=timedelta(seconds=5), clock=clock)
    await database.start()
    return database


async def children(database: Database) -> list[str]:
    rows = await database.fetch(
        "select oid::regclass::text c from pg_class where relispartition and relkind = 'r' order by 1"
    )
    return [row["c"] for row in rows]


@pytest.mark.parametrize("table", [BY_ID, BY_TIME])
def test_spans_meet_without_gap(table: Partitioned) -> None:
    start = table.start(Clock().now())
    assert start <= Clock().now() < start + table.span
    assert table.start(start + table.span) == start + table.span
    assert table.start(start + table.span - timedelta(microseconds=1)) == start


async def test_rows_find_their_partitions_and_old_ones_go(databases: Databases) -> None:
    clock = Clock()
    database = await opened(databases, clock)
    partitions = Partitions(database, clock, (BY_ID, BY_TIME))
    await asyncio.gather(*(partitions.keep() for _ in range(8)))
    await partitions.keep()
    before = await children(database)
    assert len(before) == 8
    for ahead in range(4):
        moment = clock.now() + ahead * timedelta(days=1)
        await database.execute("insert into by_id values ($1)", uuid7(moment))
        await database.execute("insert into by_time values ($1)", moment)
    clock.shift(timedelta(days=10))
    await partitions.keep()
    after = await children(database)
    gone = {name for name in before if name.startswith("by_id")} - set(after)
    assert len(gone) == 4
    assert await database.fetchval("select count(*) from by_id") == 0
    assert await database.fetchval("select count(*) from by_time") == 4
    await database.close()
