"""The feed on real Postgres: nothing missed, nothing out of order per key, whatever runs beside it."""

import asyncio
import base64
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.errors import CursorExpired, FieldInvalid, Unavailable
from services.runtime.feed import Cursor, Feed, Page, Position, Reader, reader

WRITERS, TRANSACTIONS, KEYS = 16, 60, 40

TABLES = """
create schema feed;
create table feed.item (key int primary key, value bigint not null default 0);
insert into feed.item select generate_series(0, 39);
create table feed.event (
    event_id bigint generated always as identity,
    seq bigint generated always as identity,
    xid xid8 not null default pg_current_xact_id(),
    key int not null,
    value bigint not null
);
create index on feed.event (xid);
create index on feed.event (seq);
"""


@dataclass(frozen=True)
class Event:
    key: int
    value: int


@dataclass
class Made:
    """A database with a table of items and a feed of what became of them."""

    dsn: str
    database: Database
    reader: Reader[Event]

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self.dsn)

    async def write(self, *keys: int) -> None:
        connection = await self.connect()
        async with connection.transaction():
            await change(connection, *keys)
        await connection.close()

    async def items(self) -> dict[int, int]:
        return {row["key"]: row["value"] for row in await self.database.fetch("select key, value from feed.item")}


async def change(connection: asyncpg.Connection, *keys: int) -> None:
    """Count each key up, and tell it: the order of the table is the order of its events."""
    for key in sorted(keys):
        value = await connection.fetchval("update feed.item set value = value + 1 where key = $1 returning value", key)
        await connection.execute("insert into feed.event (key, value) values ($1, $2)", key, value)


@pytest_asyncio.fixture
async def made(database_url: Callable[[str], str]) -> AsyncIterator[Made]:
    dsn = database_url("token")
    connection = await asyncpg.connect(dsn)
    await connection.execute(TABLES)
    await connection.close()
    database = Database(dsn, service="test", pool_size=8, statement_timeout=timedelta(seconds=20), clock=Clock())
    await database.start()
    yield Made(dsn, database, reader_of(database))
    await database.close()


def reader_of(database: Database, keep: timedelta = timedelta(hours=1)) -> Reader[Event]:
    return Reader(database, "feed.event", ("key", "value"), lambda row: Event(row["key"], row["value"]), keep=keep)


def replay(state: dict[int, int], page: Page[Event]) -> int:
    """Apply a page to a copy of the table. Each event of a key follows the one before: none missed, none twice."""
    for event in page.events:
        assert event.value == state.get(event.key, 0) + 1, event
        state[event.key] = event.value
    return len(page.events)


async def write_much(made: Made, seed: int) -> None:
    chosen = random.Random(seed)
    connection = await made.connect()
    for number in range(TRANSACTIONS):
        transaction = connection.transaction()
        await transaction.start()
        # An id that is drawn long before the locks are had: ids are not in the order of commits.
        await connection.execute("select pg_current_xact_id()")
        await change(connection, *chosen.sample(range(KEYS), 3))
        await (transaction.rollback() if number % 7 == seed % 7 else transaction.commit())
    await connection.close()


@pytest.mark.parametrize("near", [5_000, 3], ids=["near", "far behind"])
async def test_replaying_what_16_writers_told_gives_their_table(
    made: Made, near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_NEAR", near)
    made = replace(made, reader=reader_of(made.database))
    writing = asyncio.gather(*(write_much(made, seed) for seed in range(WRITERS)))

    async def read(size: int) -> tuple[dict[int, int], int]:
        state: dict[int, int] = {}
        cursor, told, done = await made.reader.beginning(), 0, False
        while not done:
            done = writing.done()
            more = True
            while more:
                # As a consumer does that keeps its cursor.
                page = await made.reader.page(Cursor.read(cursor.write()), size)
                told += replay(state, page)
                cursor, more = page.cursor, page.more
        return state, told

    feed = Feed(made.reader)

    async def watch(after: float) -> dict[int, int]:
        await asyncio.sleep(after)
        state: dict[int, int] = {}
        async with aclosing(feed.watch(None, listing=True)) as pages:
            async for page in pages:
                replay(state, page)
                if writing.done() and not page.more and state == await made.items():
                    break
        return state

    readers = asyncio.gather(*(read(size) for size in (4, 11, 50)))
    async with asyncio.timeout(100):
        watchers = asyncio.gather(*(watch(after) for after in (0, 0.3, 0.6)))
        await writing
        states, watched = await readers, await watchers
    await feed.close()
    items = await made.items()
    committed = sum(items.values())
    assert committed > WRITERS * TRANSACTIONS * 2
    for state, told in states:
        assert (state, told) == (items, committed)
    for state in watched:
        assert state == items


async def test_a_long_transaction_stalls_nobody_and_loses_nothing(made: Made) -> None:
    slow = await made.connect()
    transaction = slow.transaction()
    await transaction.start()
    await change(slow, 1)
    feed = Feed(made.reader)
    async with aclosing(feed.watch(None, listing=True)) as pages:
        await anext(pages)
        for _ in range(3):
            await made.write(2)
            async with asyncio.timeout(5):
                assert await told(pages) == [2]
        await transaction.commit()
        await slow.close()
        async with asyncio.timeout(5):
            assert await told(pages) == [1]
    await feed.close()


async def told(pages: AsyncIterator[Page[Event]]) -> list[int]:
    """The keys of the next page that has any."""
    async for page in pages:
        if page.events:
            return [event.key for event in page.events]
    raise AssertionError


async def test_a_cursor_of_now_is_behind_all_that_was_committed(made: Made) -> None:
    await made.write(1)
    cursor = await made.reader.now()
    assert not (await made.reader.page(cursor, 10)).events
    await made.write(2)
    page = await made.reader.page(cursor, 10)
    assert [event.key for event in page.events] == [2]
    assert not page.more


async def test_a_page_that_is_full_goes_on_in_the_same_snapshot(made: Made) -> None:
    cursor = await made.reader.beginning()
    await made.write(1, 2, 3)
    first = await made.reader.page(cursor, 2)
    assert first.more
    await made.write(4)
    second = await made.reader.page(first.cursor, 2)
    assert ([event.key for event in first.events], [event.key for event in second.events]) == ([1, 2], [3])
    third = await made.reader.page(second.cursor, 2)
    assert [event.key for event in third.events] == [4]


async def test_who_is_far_behind_reads_what_it_is_told_and_not_all_that_is_left(made: Made) -> None:
    cursor = await made.reader.beginning()
    await made.write(1)
    told_already = (await made.reader.page(cursor, 10)).cursor
    await made.database.execute("insert into feed.event (key, value) select 2, n from generate_series(1, 30000) n")
    connection = await made.connect()
    await connection.execute("set enable_seqscan = off")
    first = await made.reader.page(told_already, 500)
    second = await made.reader.page(first.cursor, 500)
    assert [event.value for event in (*first.events, *second.events)] == list(range(1, 1001))
    cursor = second.cursor
    assert cursor.target
    count = "select seq_tup_read, idx_tup_fetch from pg_stat_xact_user_tables where relid = 'feed.event'::regclass"
    async with connection.transaction():
        before = await connection.fetchrow(count)
        rows = await connection.fetch(made.reader._far, cursor.base.snapshot, cursor.target.snapshot, 500, cursor.last)
        after = await connection.fetchrow(count)
    await connection.close()
    assert len(rows) == 500
    assert after["seq_tup_read"] == before["seq_tup_read"]
    assert after["idx_tup_fetch"] - before["idx_tup_fetch"] < 600


async def test_one_that_watches_without_a_cursor_is_given_the_one_of_now(made: Made) -> None:
    await made.write(1)
    feed = Feed(made.reader)
    async with aclosing(feed.watch(None)) as pages:
        first = await anext(pages)
        assert (list(first.events), first.more) == ([], False)
        await made.write(2)
        assert await told(pages) == [2]
    async with aclosing(feed.watch(first.cursor)) as pages:
        assert await told(pages) == [2]
    await feed.close()


async def test_a_quiet_feed_is_heard_every_second(made: Made) -> None:
    feed = Feed(made.reader)
    async with aclosing(feed.watch(None)) as pages:
        await anext(pages)
        started = time.monotonic()
        for _ in range(3):
            assert not (await anext(pages)).events
        assert time.monotonic() - started < 6
    await feed.close()


async def test_one_query_serves_all_who_watch_and_none_is_made_for_nobody(made: Made) -> None:
    class Counted(Reader[Event]):
        asked = 0

        async def page(self, cursor: Cursor, limit: int) -> Page[Event]:
            self.asked += 1
            return await super().page(cursor, limit)

    reader = Counted(made.database, "feed.event", ("key", "value"), lambda row: Event(*row[3:]), keep=timedelta(1))
    feed = Feed(reader)
    joined = asyncio.Event()
    watching = 0

    async def watch() -> None:
        nonlocal watching
        async with aclosing(feed.watch(None)) as pages:
            async for _ in pages:
                watching += 1
                if watching == 50:
                    joined.set()

    watchers = [asyncio.create_task(watch()) for _ in range(50)]
    async with asyncio.timeout(20):
        await joined.wait()
    before, started = reader.asked, time.monotonic()
    await asyncio.sleep(1)
    rounds = (time.monotonic() - started) / 0.05
    assert reader.asked - before <= rounds + 55  # those who have just joined look once each
    for watcher in watchers:
        watcher.cancel()
    await asyncio.wait(watchers)
    await asyncio.sleep(0.2)
    before = reader.asked
    await asyncio.sleep(0.3)
    assert reader.asked == before
    await feed.close()


async def test_one_that_is_slow_loses_nothing_and_holds_up_nobody(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.runtime.feed.watch._WAITING", 2)
    feed = Feed(made.reader)
    async with aclosing(feed.watch(None)) as slow, aclosing(feed.watch(None)) as quick:
        await anext(slow)
        await anext(quick)
        state: dict[int, int] = {}
        for _ in range(8):
            await made.write(1)
            async with asyncio.timeout(5):
                assert await told(quick) == [1]
        async with asyncio.timeout(5):
            while state.get(1) != 8:
                replay(state, await anext(slow))
    await feed.close()


async def test_who_watches_is_told_when_the_database_goes(made: Made) -> None:
    feed = Feed(made.reader)
    async with aclosing(feed.watch(None)) as pages:
        await anext(pages)
        await made.database.execute("alter table feed.event rename to elsewhere")
        with pytest.raises(Unavailable):
            await told(pages)
        await made.database.execute("alter table feed.elsewhere rename to event")
    async with aclosing(feed.watch(None)) as pages:
        await anext(pages)
    await feed.close()


async def test_who_watches_is_told_when_the_process_stops(made: Made) -> None:
    feed = Feed(made.reader)
    async with aclosing(feed.watch(None)) as pages:
        await anext(pages)
        await feed.close()
        with pytest.raises(Unavailable):
            await told(pages)


async def test_a_cursor_that_is_too_old_has_expired(made: Made) -> None:
    cursor = await made.reader.now()
    old = replace(cursor, base=replace(cursor.base, at=cursor.base.at - 3601))
    with pytest.raises(CursorExpired):
        await made.reader.page(old, 10)
    # Also one that was in the middle of a listing.
    begun = replace(await made.reader.beginning(), target=old.base, last=1)
    with pytest.raises(CursorExpired):
        await made.reader.page(begun, 10)


async def test_a_cursor_of_a_table_that_was_made_anew_has_expired(made: Made) -> None:
    cursor = await made.reader.now()
    await made.database.execute("create table feed.other (like feed.event including all)")
    await made.database.execute("drop table feed.event")
    await made.database.execute("alter table feed.other rename to event")
    with pytest.raises(CursorExpired):
        await made.reader.page(cursor, 10)
    feed = Feed(made.reader)
    with pytest.raises(CursorExpired):
        async with aclosing(feed.watch(cursor)) as pages:
            await anext(pages)
    await feed.close()


async def test_a_cursor_of_another_database_has_expired(made: Made, database_url: Callable[[str], str]) -> None:
    reader = Reader(made.database, "token.user_event", ("user_id",), dict, keep=timedelta(hours=1))
    cursor = await reader.now()
    other = Database(
        database_url("token"), service="test", pool_size=1, statement_timeout=timedelta(seconds=5), clock=Clock()
    )
    await other.start()
    with pytest.raises(CursorExpired):
        await Reader(other, "token.user_event", ("user_id",), dict, keep=timedelta(hours=1)).page(cursor, 10)
    await other.close()


def test_a_cursor_is_read_as_it_was_written() -> None:
    for cursor in (
        Cursor("epoch", Position("1:1:", 0)),
        Cursor("epoch", Position("5:9:5,7", 1_700_000_000), Position("9:12:", 1_700_000_001), 77),
    ):
        text = cursor.write()
        assert text.isascii()
        assert "=" not in text
        assert Cursor.read(text) == cursor


GOOD = [1, "e", "5:9:5,7", 10, None, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {0: 2},
        {1: 7},
        {2: "5:9:9"},
        {2: "9:5:"},
        {2: "5:9:7,5"},
        {2: "0:9:"},
        {2: "5:9"},
        {2: "5:99999999999999999999:"},
        {2: "\u0665:\u0669:"},
        {2: None},
        {3: -1},
        {3: "1"},
        {3: True},
        {4: ["1:1:"]},
        {4: "1:1:"},
        {5: 2**63},
        {5: 1.5},
    ],
)
def test_a_cursor_that_is_none_is_refused(wrong: dict[int, object]) -> None:
    fields = [wrong.get(place, value) for place, value in enumerate(GOOD)]
    text = base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")
    with pytest.raises(FieldInvalid) as caught:
        Cursor.read(text)
    assert caught.value.field == "cursor"


@pytest.mark.parametrize("text", ["x", "!!!!", "é", "bm90IGpzb24", "W10", "WzFd", "A" * 70_000, "W" * 3])
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(FieldInvalid):
        Cursor.read(text)
