"""Calls that may be made again: across midnight, at two processes at once, and while partitions come and go."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import grpc
import pytest

from services.binding.model import Account, Kind, Once, Outcome, Part, bound
from services.binding.store import PARTITIONED
from services.binding.wiring import wire
from services.runtime.clock import Clock
from services.runtime.errors import FieldInvalid
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.runtime.server import opened
from tests.binding.changing import APP, Replica, entry
from tests.binding.conftest import FleetApps, Replicas, settings_for
from tests.binding.fleet import Fleet, FleetApp, new_id, request_of
from tests.binding.modelled import Call
from tests.support.calls import NOT_SERVING, SERVING, refused, until_health
from tests.support.token import Running

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
ANN = Account(0, "ann")
BIND = Call(2, [("phone", [("ann", 0)])])


async def changes(app: FleetApp) -> list[tuple[str, UUID]]:
    rows = await app.fleet.connection.fetch(
        "select kind, operation_id from binding.change where access_id = $1 order by seq", app.access_id
    )
    return [tuple(row) for row in rows]


def midnight() -> datetime:
    """The last one."""
    return Clock().now().replace(hour=0, minute=0, second=0, microsecond=0)


@pytest.mark.parametrize("made_at", [midnight, lambda: midnight() - timedelta(milliseconds=1)], ids=["after", "before"])
async def test_an_id_of_this_side_of_midnight_and_of_the_other(
    fleet: Fleet, fleet_apps: FleetApps, made_at: Callable[[], datetime]
) -> None:
    """Also on a new database, as this one is."""
    app = await fleet_apps(fleet)
    request = request_of(BIND, str(uuid7(made_at())))
    answers = [await app.call(request, number) for number in (0, 1, 2)]
    assert answers[0].ret_code == 0
    assert answers == [answers[0]] * 3
    assert [kind for kind, _ in await changes(app)] == ["bound"]
    await app.call(request_of(Call(4, ["phone"])))
    await app.call(request, 1)
    assert await app.bound() == ()
    await refused(app.call(request_of(Call(4, ["phone"]), request.request_id), 1), "FIELD_INVALID", "request_id")


async def test_the_edges_of_the_time_that_an_id_lives(fleet: Fleet, fleet_apps: FleetApps) -> None:
    app = await fleet_apps(fleet)
    now = Clock().now()
    for good in (now - DAY + MINUTE, now + 4 * MINUTE):
        assert (await app.call(request_of(BIND, str(uuid7(good))))).ret_code == 0
    for bad in (now - DAY - timedelta(seconds=1), now + 6 * MINUTE):
        await refused(app.call(request_of(BIND, str(uuid7(bad)))), "FIELD_INVALID", "request_id")
    assert [kind for kind, _ in await changes(app)] == ["bound"]


async def test_the_same_call_at_once_everywhere_is_made_once(fleet: Fleet, fleet_apps: FleetApps) -> None:
    app = await fleet_apps(fleet, cap=3)
    big = [f"phone{n}" for n in range(260)]
    for number in range(8):
        for call in (Call(2, [(f"phone{n}", [(f"ann{number}", 0)]) for n in range(5)]), Call(4, big)):
            request = request_of(call, new_id())
            before = len(await changes(app))
            answers = await asyncio.gather(*(app.call(request, n % 3) for n in range(6)))
            assert answers == [answers[0]] * 6
            made = (await changes(app))[before:]
            assert len({operation for _, operation in made}) == 1
            wanted = ["bound"] * 5 + ["evicted"] * 2 if call.operator == 2 else ["unbound"] * 3
            assert sorted(kind for kind, _ in made) == wanted


async def test_another_call_by_the_same_id_at_once(fleet: Fleet, fleet_apps: FleetApps) -> None:
    """One of them is made, and the other is told so, whichever it is."""
    app = await fleet_apps(fleet)
    for number in range(8):
        request_id = new_id()
        calls = [Call(2, [(f"{side}{number}", [(side, 0)])]) for side in ("left", "right")]
        answers = await asyncio.gather(
            *(app.call(request_of(call, request_id), place) for place, call in enumerate(calls)), return_exceptions=True
        )
        done = [place for place, answer in enumerate(answers) if not isinstance(answer, grpc.RpcError)]
        assert len(done) == 1
        assert (f"{('left', 'right')[done[0]]}{number}", 0) in dict(await app.bound())
    assert len(await app.bound()) == 8


async def test_parts_of_other_bounds(replicas: Replicas) -> None:
    """A process that parts a call otherwise, as another version may, goes on where the first one ended."""
    first, second = replicas(2)
    entries = [entry(f"phone{n}", ANN) for n in range(250)]
    change = bound(Kind.REPLACE, entries)
    now = Clock().now()
    once, operation_id = Once(uuid7(now), b"digest"), uuid7(now)
    part = Part(APP, 100, operation_id, change.kind, change.units[:70])
    await first.store.apply_once(part, now, once, ["0"], (0, 70))
    again = await second.apply(change, once, ["another"])
    assert again == Outcome(operation_id, ["0"])
    assert len(await first.tokens(ANN)) == 100
    rows = await first.store._database.fetch(
        "select kind, count(*) count, count(distinct operation_id) operations from binding.change group by kind"
    )
    assert {row["kind"]: (row["count"], row["operations"]) for row in rows} == {"bound": (250, 1), "evicted": (150, 1)}
    with pytest.raises(FieldInvalid):
        await second.apply(change, Once(once.request_id, b"other"), ["0"])


async def test_a_call_that_consists_of_other_parts_by_now_is_done(replicas: Replicas) -> None:
    """As one that adds where its push app let it replace the first time."""
    first, second = replicas(2)
    entries = [entry("phone", ANN), entry("phone", Account(1, "bob"))]
    once = Once(uuid7(Clock().now()), b"digest")
    outcome = await first.apply(bound(Kind.REPLACE, entries), once, ["0", "0"])
    await first.overwrite(entry("phone", Account(0, "eve")))
    assert await second.apply(bound(Kind.ADD, entries), once, ["0", "0"]) == outcome
    assert await second.accounts("phone") == (Account(0, "eve"),)


async def test_partitions_come_and_go_under_load(replicas: Replicas, database_url: Callable[[str], str]) -> None:
    processes = replicas(3, cap=5)
    dsn = str(processes[0].store._database._dsn)
    clocks = [Clock() for _ in range(6)]
    for number, clock in enumerate(clocks):
        clock.shift((30 + 3 * number) * (-1 if number % 2 else 1) * DAY)
    working = True
    made = 0

    async def call(process: Replica, number: int) -> None:
        nonlocal made
        while working:
            once = Once(uuid7(Clock().now()), b"digest") if number % 2 else None
            await process.apply(bound(Kind.REPLACE, [entry(f"phone{number}-{made % 7}", ANN)]), once, ["0"])
            made += 1
            await asyncio.sleep(0.005)

    calling = [asyncio.create_task(call(processes[n % 3], n)) for n in range(6)]
    connection = await asyncpg.connect(dsn)
    count = (
        "select count(*) from pg_inherits where inhparent in ('binding.change'::regclass, 'binding.request'::regclass)"
    )
    before = await connection.fetchval(count)
    for clock in clocks:
        await Partitions(dsn, clock, PARTITIONED).attach()
        await Partitions(dsn, Clock(), PARTITIONED).drop()
    after = await connection.fetchval(count)
    await asyncio.sleep(0.1)
    working = False
    await asyncio.gather(*calling)
    # Those ahead are there, those of the past are gone.
    assert after == before + 3 * (4 + 5)
    assert made > 50
    await connection.close()


async def test_without_a_partition_it_is_not_ready(
    token_service: Running, database_url: Callable[[str], str], tmp_path: Path
) -> None:
    settings = settings_for(database_url("binding"), token_service.settings.listen, tmp_path)
    connection = await asyncpg.connect(settings.dsn)
    holding = connection.transaction()
    await holding.start()
    await connection.execute("lock table binding.request in access exclusive mode")
    async with (
        opened("binding", settings, wire, Clock()),
        grpc.aio.insecure_channel(str(settings.listen[0])) as channel,
    ):
        await asyncio.sleep(1)
        await until_health(channel, NOT_SERVING)
        await holding.rollback()
        await until_health(channel, SERVING)
    await connection.close()
