"""Audit rows of domains that keep them for less than a partition is kept: deleted in small pieces, by one at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest_asyncio

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.token.retention import OVERDUE, Retention
from services.token.store import PARTITIONED, Store

DAY = timedelta(days=1)


class Log:
    """An audit log with events of past days."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock
        self.retention = Retention(Store(database), clock)

    async def keep(self, domain_id: str, kept: timedelta) -> None:
        await self.database.execute(
            "insert into token.domain (domain_id, issuer, scopes, created_at, audit_retention) "
            "values ($1, $1, '{}', now(), $2)",
            domain_id,
            kept,
        )

    async def write(self, domain_id: str, age: timedelta, rows: int = 1) -> None:
        async with self.database.connection() as connection:
            await connection.copy_records_to_table(
                "audit",
                schema_name="token",
                columns=["domain_id", "event_id", "event"],
                records=[(domain_id, uuid7(self.clock.now() - age), "app.created") for _ in range(rows)],
            )

    async def count(self, domain_id: str) -> int:
        return int(await self.database.fetchval("select count(*) from token.audit where domain_id = $1", domain_id))


@pytest_asyncio.fixture
async def log(database_url: Callable[[str], str]) -> AsyncIterator[Log]:
    clock, dsn = Clock(), database_url("token")
    database = Database(dsn, service="test", pool_size=4, statement_timeout=timedelta(seconds=5), clock=clock)
    await database.start()
    for days in (120, 90, 60, 30, 0):
        past = Clock()
        past.shift(-days * DAY)
        await Partitions(dsn, past, PARTITIONED).attach()
    yield Log(database, clock)
    await database.close()


async def test_what_is_too_old_goes_and_the_rest_stays(log: Log) -> None:
    await log.keep("short", 10 * DAY)
    await log.keep("longer", 50 * DAY)
    await log.keep("all", 360 * DAY)
    for domain_id in ("short", "longer", "all"):
        for days in (5, 20, 60, 100):
            await log.write(domain_id, days * DAY)
    await log.retention.sweep()
    assert [await log.count(domain_id) for domain_id in ("short", "longer", "all")] == [1, 2, 4]
    assert OVERDUE._value.get() == 0
    log.clock.shift(6 * DAY)
    await log.retention.sweep()
    assert [await log.count(domain_id) for domain_id in ("short", "longer", "all")] == [0, 2, 4]


async def test_a_statement_deletes_a_thousand_rows(log: Log) -> None:
    await log.keep("short", 10 * DAY)
    await log.write("short", 20 * DAY, rows=2_500)
    await log.write("short", 9 * DAY)
    assert await log.retention.sweep() == 3
    assert await log.count("short") == 1
    assert await log.retention.sweep() == 0


async def test_one_process_at_a_time(log: Log) -> None:
    await log.keep("short", 10 * DAY)
    await log.write("short", 12 * DAY, rows=3_000)
    async with log.database.transaction() as connection:
        # Another replica in the middle of a statement of its own.
        await connection.execute("select pg_advisory_xact_lock(hashtextextended('token.sweep_audit', 0))")
        assert await log.retention.sweep() == 0
        assert await log.count("short") == 3_000
        # How late they are is told meanwhile.
        assert timedelta(seconds=OVERDUE._value.get()) > 1.9 * DAY
    await asyncio.gather(*(Retention(Store(log.database), log.clock).sweep() for _ in range(3)))
    # Whoever met another stopped; nobody's rows were lost or waited for.
    await log.retention.sweep()
    assert await log.count("short") == 0
    assert OVERDUE._value.get() == 0


async def test_writers_do_not_wait(log: Log) -> None:
    await log.keep("short", 10 * DAY)
    await log.write("short", 20 * DAY, rows=1_000)
    async with log.database.transaction() as connection:
        await connection.fetchval(
            "select token.sweep_audit('short', $1, $2, 1000)",
            uuid7(log.clock.now() - 30 * DAY),
            uuid7(log.clock.now() - 10 * DAY),
        )
        async with asyncio.timeout(5):
            await log.write("short", timedelta())
            await log.write("short", 20 * DAY)
    assert await log.count("short") == 2


async def test_a_service_sweeps_by_itself(log: Log) -> None:
    await log.keep("short", 10 * DAY)
    await log.write("short", 20 * DAY)
    log.retention.start()
    try:
        async with asyncio.timeout(60):
            while await log.count("short"):
                await asyncio.sleep(0.2)
    finally:
        await log.retention.close()
