"""Partitions: made ahead, dropped behind, also under readers and by several replicas."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.ids import uuid7
from services.runtime.partitions import OVERDUE, Partitioned, Partitions
from tests.support.databases import Databases

BY_ID = Partitioned("public.by_id", "uuid7", span=timedelta(days=1), keep=timedelta(days=2), fillfactor=70)
BY_TIME = Partitioned("public.by_time", "time", span=timedelta(days=30), keep=timedelta(days=60))


async def opened(databases: Databases, clock: Clock) -> tuple[Database, str]:
    dsn = databases.empty("token")
    connection = await asyncpg.connect(dsn)
    await connection.execute("create table by_id (id uuid primary key) partition by range (id)")
    await connection.execute("create table by_time (at timestamptz primary key) partition by range (at)")
    await connection.close()
    database = Database(dsn, service="test", pool_size=8, statement_timeout=timedelta(seconds=5), clock=clock)
    await database.start()
    return database, dsn


async def attached(databases: Databases, clock: Clock) -> tuple[Database, Partitions]:
    """A database whose one table has the partitions of now."""
    database, dsn = await opened(databases, clock)
    partitions = Partitions(dsn, clock, (BY_ID,))
    await partitions.attach()
    return database, partitions


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
    database, dsn = await opened(databases, clock)
    partitions = Partitions(dsn, clock, (BY_ID, BY_TIME))
    await asyncio.gather(*(partitions.attach() for _ in range(8)))
    await partitions.drop()
    before = await children(database)
    assert len(before) == 8
    for ahead in range(4):
        moment = clock.now() + ahead * timedelta(days=1)
        await database.execute("insert into by_id values ($1)", uuid7(moment))
        await database.execute("insert into by_time values ($1)", moment)
    clock.shift(timedelta(days=10))
    await partitions.attach()
    await asyncio.gather(*(partitions.drop() for _ in range(4)))
    after = await children(database)
    gone = {name for name in before if name.startswith("by_id")} - set(after)
    assert len(gone) == 4
    assert await database.fetchval("select count(*) from by_id") == 0
    assert await database.fetchval("select count(*) from by_time") == 4
    await database.close()


async def test_a_reader_neither_waits_nor_is_waited_for_by_others(databases: Databases) -> None:
    clock = Clock()
    database, partitions = await attached(databases, clock)
    async with database.transaction() as reader:
        await reader.fetchval("select count(*) from by_id")
        clock.shift(timedelta(days=1))
        await partitions.attach()
        # Nobody queues behind the new partition.
        await asyncio.wait_for(database.execute("insert into by_id values ($1)", uuid7(clock.now())), 1)
    assert partitions.problem is None
    await database.close()


async def test_a_drop_that_waits_for_a_reader_is_no_problem(databases: Databases) -> None:
    clock = Clock()
    database, partitions = await attached(databases, clock)
    async with database.transaction() as reader:
        await reader.fetchval("select count(*) from by_id")
        clock.shift(timedelta(days=10))
        await partitions.start()
        await asyncio.sleep(0.3)
        assert partitions.problem is None
        await asyncio.wait_for(database.execute("insert into by_id values ($1)", uuid7(clock.now())), 1)
        assert len(await children(database)) == 8
    await partitions.drop()
    assert len(await children(database)) == 4
    await partitions.close()
    await database.close()


async def test_what_is_not_dropped_is_to_be_seen(databases: Databases) -> None:
    clock = Clock()
    database, partitions = await attached(databases, clock)
    await partitions.drop()
    assert OVERDUE._value.get() == 0
    clock.shift(timedelta(days=10))
    async with database.transaction() as connection:
        await connection.fetch("select from by_id")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(partitions.drop(), 1)
    # The first partition was needed for its own day and two more.
    assert timedelta(days=7) < timedelta(seconds=OVERDUE._value.get()) < timedelta(days=8)
    # Several are due, of which one was being detached.
    await partitions.drop()
    assert OVERDUE._value.get() == 0
    await database.close()


async def test_what_an_interrupted_drop_left_is_dropped(databases: Databases) -> None:
    clock = Clock()
    database, dsn = await opened(databases, clock)
    old = BY_ID.name(BY_ID.start(clock.now() - timedelta(days=30)))
    await database.execute(f"create table {old} (like by_id)")
    await Partitions(dsn, clock, (BY_ID,)).drop()
    assert await database.fetchval("select to_regclass($1)", old) is None
    await database.close()


async def test_without_a_partition_for_now_it_says_so(databases: Databases) -> None:
    clock = Clock()
    database, dsn = await opened(databases, clock)
    partitions = Partitions(dsn, clock, (BY_ID,))
    assert partitions.problem == "no partition for now: public.by_id"
    await partitions.attach()
    assert partitions.problem is None
    await database.close()
