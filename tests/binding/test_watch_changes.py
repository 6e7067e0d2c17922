"""WatchChanges: every change of the caller's push app, of whichever kind, once, and of nobody else's."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from services.binding.feeds import _KEPT
from services.binding.store import PARTITIONED
from services.runtime.feed import Cursor
from services.runtime.ids import uuid7
from tests.binding.callers import PushApp
from tests.binding.conftest import PushApps
from tests.binding.device_tokens import ADD, BOUND, Caller, Key, Replayed, named, told, unbinding
from tests.support.calls import refused


async def test_what_a_change_says(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    stream = caller.watch()
    first = await anext(aiter(stream))
    assert (list(first.changes), first.up_to_date, bool(first.cursor)) == ([], True, True)
    operation_id = await caller.bind(named("one", ("ann", 7)))
    async with asyncio.timeout(10):
        async for message in stream:
            if message.changes:
                break
    stream.cancel()
    (change,) = message.changes
    assert (change.kind, change.access_id, change.token) == (BOUND, push_app.access_id, "one")
    assert (change.account.type, change.account.account, change.operation_id) == (7, "ann", operation_id)
    assert abs(change.change_time.ToDatetime(UTC) - datetime.now(UTC)).total_seconds() < 60


async def test_each_kind_by_each_way(push_apps: PushApps) -> None:
    push_app = await push_apps(cap=2)
    caller = Caller.of(push_app)
    ids = []

    async def does(call: Any, *expected: tuple[str, str, int, str]) -> None:
        """What a call does, all of it told under its one id."""
        cursor = await caller.cursor()
        operation_id = await call
        changes = await caller.changes(cursor)
        assert told(changes) == [*expected]
        ids.append({change.operation_id for change in changes})
        assert ids[-1] <= {operation_id}

    both = named("one", "ann", ("bob", 1))
    await does(caller.bind(both), ("bound", "one", 0, "ann"), ("bound", "one", 1, "bob"))
    # Bound anew it is the newest, which is not told.
    await does(caller.bind(both))
    await does(caller.bind(both, mode=ADD))
    # Replaced: by another account of the type, or since the token has no others afterwards.
    await does(caller.bind(named("one", "cem"), mode=ADD), ("unbound", "one", 0, "ann"), ("bound", "one", 0, "cem"))
    await does(caller.bind(named("one", "cem")), ("unbound", "one", 1, "bob"))
    # Unbound in each way, and what is not bound.
    await does(caller.unbind(unbinding("one", "cem")), ("unbound", "one", 0, "cem"))
    await does(caller.unbind(unbinding("one", "cem"), unbinding("one"), unbinding(item="cem")))
    await caller.bind(named("one", "ann"))
    await does(caller.unbind(unbinding("one")), ("unbound", "one", 0, "ann"))
    await caller.bind(named("one", "ann"))
    await does(caller.unbind(unbinding(item="ann")), ("unbound", "one", 0, "ann"))
    # The third token of an account that may have two.
    await caller.bind(named("one", "ann"))
    await caller.bind(named("two", "ann"))
    await does(caller.bind(named("three", "ann")), ("bound", "three", 0, "ann"), ("evicted", "one", 0, "ann"))
    # The 101st account of a token.
    await caller.bind(named("full", *((f"account {n}", n) for n in range(100))))
    await does(
        caller.bind(named("full", ("more", 500)), mode=ADD),
        ("bound", "full", 500, "more"),
        ("evicted", "full", 0, "account 0"),
    )
    assert all(len(each) <= 1 for each in ids)
    assert len(set().union(*ids)) == sum(map(len, ids))


async def test_1000_changes_have_one_operation_and_come_in_pages(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    cursor = await caller.cursor()
    once = str(uuid7(datetime.now(UTC)))
    operation_id = await caller.bind(*(named(f"t{n}", f"account {n}") for n in range(1000)), request_id=once)
    await caller.bind(*(named(f"t{n}", f"account {n}") for n in range(1000)), request_id=once)
    stream = caller.watch(cursor)
    sizes, told_ids = [], []
    async for message in stream:
        sizes.append(len(message.changes))
        told_ids += [change.operation_id for change in message.changes]
        if message.up_to_date:
            break
    stream.cancel()
    assert sum(sizes) == 1000
    assert max(sizes) <= 500
    assert set(told_ids) == {operation_id}


async def test_the_vendors_calls_are_told_too(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    cursor = await caller.cursor()
    await push_app.bind(("one", ["ann"]), ("two", ["ann"]))
    await push_app.call({"operator_type": 5, "account_list": [{"account": "ann"}]})
    changes = await caller.changes(cursor)
    assert sorted(told(changes)[:2]) == [("bound", "one", 0, "ann"), ("bound", "two", 0, "ann")]
    assert sorted(told(changes)[2:]) == [("unbound", "one", 0, "ann"), ("unbound", "two", 0, "ann")]
    assert len({change.operation_id for change in changes}) == 2


async def test_an_app_is_told_of_itself_alone(push_apps: PushApps) -> None:
    """Whosever cursor it is: that says when, and not of whom."""
    push_app, other_app = await push_apps(), await push_apps()
    caller, other = Caller.of(push_app), Caller.of(other_app)
    cursor, others_cursor = await caller.cursor(), await other.cursor()
    await other.bind(named("one", "theirs"))
    await caller.bind(named("one", "ours"))
    await other.unbind(unbinding("one"))
    for mine in (cursor, others_cursor):
        assert told(await caller.changes(mine)) == [("bound", "one", 0, "ours")]
    assert told(await other.changes(cursor)) == [("bound", "one", 0, "theirs"), ("unbound", "one", 0, "theirs")]


async def test_nothing_comes_twice_to_who_goes_on_from_the_last_cursor(push_apps: PushApps) -> None:
    """8 write to the same few tokens, of two push apps; a reader who is killed and goes on has each app's table."""
    apps = [await push_apps(cap=3) for _ in range(2)]

    async def write(seed: int) -> None:
        chosen = random.Random(seed)
        caller = Caller.of(apps[seed % 2])
        for _ in range(40):
            token, account = f"t{chosen.randrange(10)}", (f"account {chosen.randrange(4)}", chosen.randrange(2))
            match chosen.randrange(5):
                case 0:
                    await caller.unbind(unbinding(token), unbinding(f"t{chosen.randrange(10)}", account))
                case 1:
                    await caller.unbind(unbinding(item=account))
                case 2:
                    await caller.bind(named(token, account), named(f"t{chosen.randrange(10)}", account), mode=ADD)
                case _:
                    await caller.bind(named(token, account))

    one_at_a_time = asyncio.Lock()

    async def table(app: PushApp) -> list[Key]:
        async with one_at_a_time:
            return await app.rows()

    async def replayed(app: PushApp, seed: int) -> int:
        known, deaths, cursor = Replayed(), 0, cursors[seed]
        chosen = random.Random(seed)
        async with asyncio.timeout(100):
            done = False
            while not done:
                stream = Caller.of(app).watch(cursor)
                lives = chosen.randint(1, 5)
                async for message in stream:
                    known.take(message.changes)
                    # As a consumer does that keeps its cursor with what it did.
                    cursor = message.cursor
                    done = writing.done() and message.up_to_date and known.rows() == await table(app)
                    lives -= 1
                    if done or lives == 0:
                        break
                stream.cancel()
                deaths += 1
        return deaths

    cursors = [await Caller.of(app).cursor() for app in apps]
    writing = asyncio.gather(*(write(seed) for seed in range(8)))
    deaths = await asyncio.gather(*(replayed(app, seed) for seed, app in enumerate(apps)))
    await writing
    assert min(deaths) > 2


async def test_cursors_that_are_none(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    for garbage in ("!", "x", "A" * 65_537, caller.token):
        refusal = await refused(anext(aiter(caller.watch(garbage))), "FIELD_INVALID", "cursor")
        assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("expired", ["older than 7 days", "of another database"])
async def test_cursors_after_which_nothing_can_be_told(push_app: PushApp, expired: str) -> None:
    caller = Caller.of(push_app)
    cursor = Cursor.read(await caller.cursor())
    week = int(timedelta(days=7).total_seconds())
    if expired == "of another database":
        made_up = replace(cursor, epoch="another")
    else:
        made_up = replace(cursor, base=replace(cursor.base, at=cursor.base.at - week - 60))
        # A minute less, and it is good.
        good = replace(cursor, base=replace(cursor.base, at=cursor.base.at - week + 60))
        assert await caller.changes(good.write()) == []
    refusal = await refused(anext(aiter(caller.watch(made_up.write()))), "CURSOR_EXPIRED")
    assert refusal.code == grpc.StatusCode.OUT_OF_RANGE


def test_changes_are_kept_for_as_long_as_a_cursor_is_good() -> None:
    """Nothing that a good cursor asks for is in a partition that may be dropped."""
    (changes,) = [table for table in PARTITIONED if table.table == "binding.change"]
    assert changes.keep >= _KEPT + timedelta(hours=1)
