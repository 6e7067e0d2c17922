"""BatchBind and BatchUnbind: what they leave behind, what they refuse, and that a call may be made again."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from tessera.binding.v1 import device_token_service_pb2 as pb2

from services.runtime.ids import uuid7
from tests.binding.callers import PushApp
from tests.binding.conftest import PushApps
from tests.binding.device_tokens import ADD, REPLACE, Caller, named, typed, unbinding
from tests.support.calls import refused


def request_id(ago: timedelta = timedelta(0)) -> str:
    return str(uuid7(datetime.now(UTC) - ago))


async def test_replaces_unless_it_is_told_to_add(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    await caller.bind(named("one", "ann", ("ann@corp.com", 1)), named("two", "ann"))
    assert await push_app.rows() == [("one", 0, "ann"), ("one", 1, "ann@corp.com"), ("two", 0, "ann")]
    await caller.bind(named("one", "bob"))
    assert await push_app.rows() == [("one", 0, "bob"), ("two", 0, "ann")]
    # Whatever the push app's operator 1 does.
    await caller.bind(named("one", "cem", ("cem@corp.com", 1)), named("two", ("dan", 7)), mode=ADD)
    assert await push_app.rows() == [
        ("one", 0, "cem"),
        ("one", 1, "cem@corp.com"),
        ("two", 0, "ann"),
        ("two", 7, "dan"),
    ]
    await caller.bind(named("one", "eve"), mode=REPLACE)
    assert await push_app.rows() == [("one", 0, "eve"), ("two", 0, "ann"), ("two", 7, "dan")]


@pytest.mark.parametrize(
    ("mode", "left"),
    [(REPLACE, [("one", 1, "b2"), ("one", 3, "c1")]), (ADD, [("one", 0, "a1"), ("one", 1, "b2"), ("one", 3, "c1")])],
    ids=["replaces", "adds"],
)
async def test_a_token_and_a_type_that_stand_twice(push_app: PushApp, mode: int, left: Any) -> None:
    entries = named("one", "a1", ("b0", 1)), named("one", ("b1", 1), ("c1", 3), ("b2", 1))
    await Caller.of(push_app).bind(*entries, mode=mode)
    assert await push_app.rows() == left


async def test_each_way_of_unbinding(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    everything = [named(token, "ann", ("bob", 1)) for token in ("one", "two", "three")]
    for entries, left in (
        ([unbinding("one", "ann"), unbinding("two", ("bob", 1))], [1, 2, 4, 5]),
        ([unbinding("one")], [2, 3, 4, 5]),
        ([unbinding(item=("bob", 1))], [0, 2, 4]),
        ([unbinding("one"), unbinding(item="ann"), unbinding("one", "ann")], [3, 5]),
        # Not bound: a success, and nothing happens.
        ([unbinding("one", "bob"), unbinding("four"), unbinding(item="cem"), unbinding("one", ("ann", 1))], range(6)),
    ):
        await caller.bind(*everything)
        rows = await push_app.rows()
        assert len(rows) == 6
        await caller.unbind(*entries)
        order = [("one", 0, "ann"), ("one", 1, "bob"), ("two", 0, "ann"), ("two", 1, "bob")]
        order += [("three", 0, "ann"), ("three", 1, "bob")]
        assert await push_app.rows() == sorted(order[number] for number in left)


async def test_1000_tokens_in_one_call(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    operation_id = await caller.bind(*(named(f"t{n}", f"account {n}", (f"type {n}", 9)) for n in range(1000)))
    assert uuid.UUID(operation_id).version == 7
    assert len(await push_app.rows()) == 2000
    made = await push_app.connection.fetchval(
        "select count(distinct xid) from binding.change where operation_id = $1", uuid.UUID(operation_id)
    )
    assert 10 <= made <= 50  # transactions
    await caller.unbind(*(unbinding(f"t{n}") for n in range(1000)))
    assert await push_app.rows() == []


async def test_100_accounts_of_a_token_and_what_the_101st_does(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    await caller.bind(named("one", *((f"a{n}", n) for n in range(100))))
    assert len(await push_app.rows()) == 100
    await caller.bind(named("one", ("a100", 100)), mode=ADD)
    rows = await push_app.rows()
    assert [row[1] for row in rows] == list(range(1, 101))
    many = [(f"b{n}", n) for n in range(101)]
    await refused(caller.bind(named("one", *many)), "FIELD_INVALID", "device_tokens[0].accounts")
    halves = named("one", *many[:51]), named("two", "xx"), named("one", *many[51:])
    await refused(caller.bind(*halves, mode=ADD), "FIELD_INVALID", "device_tokens[2].accounts")
    assert await push_app.rows() == rows
    await caller.bind(*halves)
    assert len(await push_app.rows()) == 51


GOOD = named("good", "ann")


@pytest.mark.parametrize(
    ("entry", "reason", "field"),
    [
        (pb2.DeviceToken(accounts=[typed("ann")]), "FIELD_MISSING", "device_tokens[3].token"),
        (named("x" * 256, "ann"), "FIELD_INVALID", "device_tokens[3].token"),
        (named("é" * 128, "ann"), "FIELD_INVALID", "device_tokens[3].token"),
        (named("a\nb", "ann"), "FIELD_INVALID", "device_tokens[3].token"),
        (named("bad"), "FIELD_MISSING", "device_tokens[3].accounts"),
        (named("bad", "ann", ""), "FIELD_MISSING", "device_tokens[3].accounts[1].account"),
        (named("bad", "ann", "a"), "FIELD_INVALID", "device_tokens[3].accounts[1].account"),
        (named("bad", "ann", "a" * 256), "FIELD_INVALID", "device_tokens[3].accounts[1].account"),
        (named("bad", "ann", "a\x00b"), "FIELD_INVALID", "device_tokens[3].accounts[1].account"),
        (named("bad", "ann", ("bob", -1)), "FIELD_INVALID", "device_tokens[3].accounts[1].type"),
        (named("bad", ("bob", 65536)), "FIELD_INVALID", "device_tokens[3].accounts[0].type"),
    ],
)
async def test_one_that_is_none_refuses_all_and_is_named_by_its_place(
    push_app: PushApp, entry: pb2.DeviceToken, reason: str, field: str
) -> None:
    refusal = await refused(Caller.of(push_app).bind(GOOD, GOOD, GOOD, entry, GOOD), reason, field)
    assert field in refusal.message
    assert await push_app.rows() == []


@pytest.mark.parametrize(
    ("entry", "reason", "field"),
    [
        (unbinding(), "FIELD_MISSING", "unbindings[1].token"),
        (unbinding("x" * 256), "FIELD_INVALID", "unbindings[1].token"),
        (unbinding("good", "a"), "FIELD_INVALID", "unbindings[1].account.account"),
        (unbinding("good", ("ann", 65536)), "FIELD_INVALID", "unbindings[1].account.type"),
    ],
)
async def test_an_unbinding_that_is_none(push_app: PushApp, entry: pb2.Unbinding, reason: str, field: str) -> None:
    caller = Caller.of(push_app)
    await caller.bind(GOOD)
    await refused(caller.unbind(unbinding("good"), entry), reason, field)
    # An account without its name is none, not every one.
    nameless = pb2.Unbinding(token="good", account=pb2.TypedAccount(type=1))
    await refused(caller.unbind(nameless), "FIELD_MISSING")
    assert await push_app.rows() == [("good", 0, "ann")]


async def test_from_1_to_1000_entries_and_a_mode_that_is_one(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    await refused(caller.bind(), "FIELD_MISSING", "device_tokens")
    await refused(caller.unbind(), "FIELD_MISSING", "unbindings")
    await refused(caller.bind(*[GOOD] * 1001), "FIELD_INVALID", "device_tokens")
    await refused(caller.unbind(*[unbinding("good")] * 1001), "FIELD_INVALID", "unbindings")
    await refused(caller.bind(GOOD, mode=3), "FIELD_INVALID", "mode")
    assert await push_app.rows() == []
    await caller.bind(*[GOOD] * 1000)
    assert await push_app.rows() == [("good", 0, "ann")]


async def test_the_same_request_again_changes_nothing(push_app: PushApp) -> None:
    caller, once = Caller.of(push_app), request_id()
    first = await caller.bind(named("one", "ann"), request_id=once)
    other = await caller.bind(named("one", "bob"), named("two", "ann"))
    left = await push_app.whole_rows()
    # Whatever others did in between, and however the id is spelt.
    for spelling in (once, once.upper(), once):
        assert await caller.bind(named("one", "ann"), request_id=spelling) == first != other
    assert await push_app.whole_rows() == left
    again = request_id()
    done = await caller.unbind(unbinding("two"), request_id=again)
    await caller.bind(named("two", "cem"))
    assert await caller.unbind(unbinding("two"), request_id=again) == done
    assert await push_app.rows() == [("one", 0, "bob"), ("two", 0, "cem")]


async def test_made_twice_at_the_same_time_it_is_made_once(push_app: PushApp) -> None:
    caller, once = Caller.of(push_app), request_id()
    entries = [named(f"t{n}", f"account {n}") for n in range(200)]
    ids = await asyncio.gather(*(caller.bind(*entries, request_id=once) for _ in range(8)))
    assert len(set(ids)) == 1
    changes = await push_app.connection.fetchval(
        "select count(*) from binding.change where operation_id = $1", uuid.UUID(ids[0])
    )
    assert changes == 200


async def test_a_request_id_is_of_one_request_and_one_push_app(push_apps: PushApps) -> None:
    push_app, other_app = await push_apps(), await push_apps()
    caller, once = Caller.of(push_app), request_id()
    first = await caller.bind(named("one", "ann"), request_id=once)
    for another in (
        caller.bind(named("one", "bob"), request_id=once),
        caller.bind(named("one", "ann"), named("one", "ann"), request_id=once),
        caller.bind(named("one", "ann"), mode=ADD, request_id=once),
        caller.unbind(unbinding("one"), request_id=once),
        push_app.call(
            {
                "operator_type": 2,
                "token_accounts": [{"token": "one", "account_list": [{"account": "ann"}]}],
                "request_id": once,
            }
        ),
    ):
        await refused(another, "FIELD_INVALID", "request_id")
    assert await push_app.rows() == [("one", 0, "ann")]
    assert await Caller.of(other_app).bind(named("one", "ann"), request_id=once) != first


@pytest.mark.parametrize(
    "given",
    [
        timedelta(hours=24, minutes=1),
        timedelta(minutes=-6),
        "019c6f00-0000-4000-8000-000000000000",
        "none",
        "{0}",
    ],
    ids=["older than a day", "from the future", "of version 4", "no UUID", "another spelling"],
)
async def test_request_ids_that_are_none(push_app: PushApp, given: str | timedelta) -> None:
    # Made now: what is from the future may not be when the last test runs.
    given = request_id(given) if isinstance(given, timedelta) else given.format(request_id().replace("-", ""))
    caller = Caller.of(push_app)
    for call in (caller.bind(GOOD, request_id=given), caller.unbind(unbinding("good"), request_id=given)):
        refusal = await refused(call, "FIELD_INVALID", "request_id")
        assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert await push_app.rows() == []


async def test_a_call_that_was_cut_short_goes_on_where_it_ended(push_app: PushApp) -> None:
    """Its client gives up while parts of it are done; the same request again does the others, and only these."""
    caller, once = Caller.of(push_app), request_id()
    entries = [named(f"t{n:03}", f"account {n}") for n in range(1000)]
    count = "select count(*) from binding.change where access_id = $1"
    cut = asyncio.create_task(caller.bind(*entries, request_id=once))
    async with asyncio.timeout(30):
        while not await push_app.connection.fetchval(count, push_app.access_id):
            await asyncio.sleep(0.002)
    cut.cancel()
    await asyncio.wait([cut])
    await asyncio.sleep(0.5)
    before = await push_app.connection.fetchval(count, push_app.access_id)
    assert 0 < before < 1000
    # What was done is not done again: somebody else's change of it stays.
    await caller.bind(named("t000", "another"))
    operation_id = await caller.bind(*entries, request_id=once)
    rows = {token: account for token, _, account in await push_app.rows()}
    assert rows == {f"t{n:03}": f"account {n}" for n in range(1000)} | {"t000": "another"}
    made = await push_app.connection.fetch(
        "select kind, count(*) from binding.change where operation_id = $1 group by kind", uuid.UUID(operation_id)
    )
    assert [tuple(row) for row in made] == [("bound", 1000)]
