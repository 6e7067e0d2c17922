"""Calls of one transaction: who shares a token or an account comes later, whoever fails fails alone, nobody waits."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from services.binding.changes import Changes
from services.binding.model import Account, Kind, Once, Part, Row, bound
from services.binding.store import PARTITIONED, Store
from services.runtime.batching import Later
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.errors import DeadlineExceeded
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from tests.binding.changing import APP, Replica, entry

ANN, BOB, CARL = (Account(0, name) for name in ("ann", "bob", "carl"))
OTHER_APP = APP + 1
TOLD = "select access_id, kind, token, account, operation_id from binding.change order by seq"
LOCK = "select pg_advisory_lock(hashtextextended($1 || '/t/' || $2, 0))"


@pytest.fixture
def dsn(database_url: Callable[[str], str]) -> str:
    return database_url("binding")


@pytest_asyncio.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """With connections enough, and a timeout that a test can wait for."""
    clock = Clock()
    made = Database(dsn, service="binding", pool_size=10, statement_timeout=timedelta(seconds=2), clock=clock)
    await made.start()
    await Partitions(dsn, clock, PARTITIONED).attach()
    yield made
    await made.close()


@pytest_asyncio.fixture
async def holder(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Somebody else, who holds locks."""
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


def part(kind: Kind, *rows: Row, access_id: int = APP, cap: int = 100) -> Part:
    return Part(access_id, cap, uuid7(Clock().now()), kind, [(row,) for row in rows])


async def together(database: Database, *parts: Part) -> list[bool]:
    """Make changes in one transaction; answers which of them were left for later."""
    return [result is Later.ALONE for result in await Store(database).apply(parts, Clock().now(), wait=False)]


async def told(database: Database) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await database.fetch(TOLD)]


async def test_of_those_that_share_a_token_the_first_is_made_and_told_once(database: Database) -> None:
    parts = [
        part(Kind.REPLACE, Row("phone", ANN)),
        part(Kind.REPLACE, Row("phone", BOB)),
        part(Kind.UNBIND, Row("phone", ANN)),
        part(Kind.ADD, Row("phone", ANN)),
        part(Kind.REPLACE, Row("pad", CARL)),
    ]
    assert await together(database, *parts) == [False, True, True, True, False]
    assert sorted(await told(database)) == sorted(
        [
            (APP, "bound", "phone", "ann", parts[0].operation_id),
            (APP, "bound", "pad", "carl", parts[4].operation_id),
        ]
    )


async def test_of_those_that_share_an_account_the_first_is_made(database: Database) -> None:
    await together(database, part(Kind.REPLACE, Row("tv", BOB)))
    parts = [
        part(Kind.REPLACE, Row("phone", ANN)),
        part(Kind.REPLACE, Row("pad", ANN)),
        # Of what a token holds, too.
        part(Kind.REPLACE, Row("tv", CARL)),
        part(Kind.UNBIND, Row(None, BOB)),
        part(Kind.UNBIND, Row(None, CARL)),
    ]
    assert await together(database, *parts) == [False, True, False, True, True]


async def test_push_apps_share_nothing_but_the_transaction(database: Database) -> None:
    """Each has its own cap, and each operation its own changes."""
    for access_id in (APP, OTHER_APP):
        for phone in ("old", "older"):
            await together(database, part(Kind.REPLACE, Row(phone, ANN), access_id=access_id))
    parts = [
        part(Kind.REPLACE, Row("phone", ANN), cap=1),
        part(Kind.REPLACE, Row("phone", ANN), access_id=OTHER_APP, cap=2),
    ]
    assert await together(database, *parts) == [False, False]
    first, second = (part.operation_id for part in parts)
    made = [row for row in await told(database) if row[4] in (first, second)]
    assert sorted(made) == sorted(
        [
            (APP, "bound", "phone", "ann", first),
            (OTHER_APP, "bound", "phone", "ann", second),
            (APP, "evicted", "old", "ann", first),
            (APP, "evicted", "older", "ann", first),
            (OTHER_APP, "evicted", "old", "ann", second),
        ]
    )


async def test_who_has_to_wait_holds_up_nobody(
    database: Database, holder: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    replica = Replica(Store(database), Changes(Store(database), Clock()))
    await holder.execute(LOCK, str(APP), "phone")
    waiting = [asyncio.create_task(replica.overwrite(entry("phone", ANN))) for _ in range(3)]
    async with asyncio.timeout(1.5):
        for _ in range(3):
            await asyncio.gather(*(replica.overwrite(entry(f"pad{n}", Account(1, f"{n}"))) for n in range(20)))
    assert not any(task.done() for task in waiting)
    await holder.execute("select pg_advisory_unlock_all()")
    await asyncio.gather(*waiting)
    assert await replica.tokens(ANN) == ("phone",)


async def test_those_that_may_be_made_again_leave_connections_to_others(
    database: Database, holder: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """More of them than there are connections, of one key and of many, wait for one token."""
    replica = Replica(Store(database), Changes(Store(database), Clock()))
    await holder.execute(LOCK, str(APP), "phone")
    change, now = bound(Kind.REPLACE, [entry("phone", ANN)]), Clock().now()
    keys = [Once(uuid7(now), b"digest")] * 10 + [Once(uuid7(now), b"digest") for _ in range(10)]
    waiting = [asyncio.create_task(replica.apply(change, once)) for once in keys]
    async with asyncio.timeout(1.5):
        await replica.overwrite(entry("pad", BOB))
        assert await replica.tokens(BOB) == ("pad",)
    assert not any(task.done() for task in waiting)
    await holder.execute("select pg_advisory_unlock_all()")
    await asyncio.gather(*waiting)
    assert await replica.tokens(ANN) == ("phone",)


async def test_who_waits_too_long_has_changed_nothing(
    database: Database, holder: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    replica = Replica(Store(database), Changes(Store(database), Clock()))
    await holder.execute(LOCK, str(APP), "phone")
    with pytest.raises(DeadlineExceeded):
        await replica.overwrite(entry("pad", ANN), entry("phone", ANN))
    assert await replica.tokens(ANN) == ()
    assert await told(database) == []


async def test_who_fails_fails_alone(database: Database) -> None:
    replica = Replica(Store(database), Changes(Store(database), Clock()))
    results = await asyncio.gather(
        *(replica.overwrite(entry("a\0b" if n == 5 else f"phone{n}", ANN)) for n in range(10)), return_exceptions=True
    )
    assert [n for n, result in enumerate(results) if result is not None] == [5]
    assert isinstance(results[5], asyncpg.DataError)
    assert set(await replica.tokens(ANN)) == {f"phone{n}" for n in range(10) if n != 5}
