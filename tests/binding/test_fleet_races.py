"""Three real processes under opposing calls: no deadlock, a feed that is the table, nobody reached through a previous one."""

import asyncio
import random
from collections import Counter, defaultdict

from tests.binding.conftest import FleetApps
from tests.binding.fleet import Fleet, FleetApp, Reader, new_id, request_of
from tests.binding.modelled import Call

PHONES = [f"phone{n}" for n in range(40)]
PEOPLE = [(f"person{n}", kind) for n in range(8) for kind in (0, 1)]
WRITERS, CALLS = 16, 25


def opposing_call(chance: random.Random) -> Call:
    """Small or big, in an order of its own."""
    match chance.randrange(7):
        case 0 | 1:
            return Call(2, [(phone, chance.sample(PEOPLE, 2)) for phone in chance.sample(PHONES, 20)])
        case 2:
            return Call(1, [(phone, chance.sample(PEOPLE, 6)) for phone in chance.sample(PHONES, 20)])
        case 3:
            return Call(2, [(chance.choice(PHONES), [chance.choice(PEOPLE)])])
        case 4:
            return Call(3, [(phone, chance.sample(PEOPLE, 3)) for phone in chance.sample(PHONES, 20)])
        case 5:
            # More than one part.
            return Call(4, [*chance.sample(PHONES, 10), *(f"unknown{n}" for n in chance.sample(range(900), 190))])
        case _:
            return Call(5, chance.sample(PEOPLE, 3))


async def oppose(app: FleetApp, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(CALLS):
        request = request_of(opposing_call(chance), new_id() if chance.random() < 0.4 else "")
        # Whatever is refused ends the test.
        assert (await app.call(request, chance.randrange(3))).ret_code == 0


async def test_opposing_calls_meet_no_deadlock_and_the_feed_replayed_is_the_table(
    fleet: Fleet, fleet_apps: FleetApps
) -> None:
    app = await fleet_apps(fleet, cap=5)
    reader = Reader(app, await app.cursor())
    writing = asyncio.gather(*(oppose(app, seed) for seed in range(WRITERS)))
    async with asyncio.timeout(100):
        await reader.read(writing.done)
    await writing
    assert reader.replayed.bound == dict(await app.bound())
    assert reader.lives > 5
    assert reader.replayed.told > 500
    assert reader.lost == 0
    assert await fleet.connection.fetchval(
        "select count(*) from binding.change where access_id = $1", app.access_id
    ) == (reader.replayed.told)
    assert (
        await fleet.connection.fetchval("select deadlocks from pg_stat_database where datname = current_database()")
        == 0
    )


async def test_a_device_is_never_again_reached_through_the_person_before(fleet: Fleet, fleet_apps: FleetApps) -> None:
    """Also where its earlier calls are made again, while others come and go at the same people, up to the cap."""
    app = await fleet_apps(fleet, cap=5)
    await app.call(request_of(Call(2, [("always", [("always", 0)])])))
    people = [f"person{n}" for n in range(10)]
    # Of each device the people that it has left for good, and never comes back to.
    left: defaultdict[str, set[str]] = defaultdict(set)
    looked = 0

    async def move(device: str, chance: random.Random) -> None:
        earlier = []
        for before, person in zip(["nobody", *people], people, strict=False):
            request = request_of(Call(2, [(device, [(person, 0)])]), new_id())
            assert (await app.call(request, chance.randrange(3))).ret_code == 0
            left[device].add(before)
            if earlier:
                assert (await app.call(chance.choice(earlier), chance.randrange(3))).ret_code == 0
            earlier.append(request)

    async def look(chance: random.Random) -> None:
        nonlocal looked
        while not moving.done():
            person = chance.choice(people)
            gone = {device for device, those in left.items() if person in those}
            found = await app.tokens_of(person, chance.randrange(3))
            assert len(found) <= 5
            assert not gone & set(found)
            looked += bool(gone)

    moving = asyncio.gather(*(move(f"device{n}", random.Random(n)) for n in range(12)))
    await asyncio.gather(moving, *(look(random.Random(-n)) for n in range(4)))
    assert looked > 20


async def test_who_is_pushed_out_is_told_in_the_same_transaction_and_was_bound_longest(
    fleet: Fleet, fleet_apps: FleetApps
) -> None:
    app = await fleet_apps(fleet, cap=5)

    async def bind(seed: int) -> None:
        chance = random.Random(seed)
        for n in range(6):
            call = Call(2, [(f"{seed}-{n}-{i}", [("person", 0)]) for i in range(chance.randint(1, 3))])
            await app.call(request_of(call), chance.randrange(3))

    await asyncio.gather(*(bind(seed) for seed in range(16)))
    changes = await fleet.connection.fetch(
        "select kind, token, xid, operation_id from binding.change where access_id = $1 order by seq", app.access_id
    )
    held: list[str] = []
    transactions: Counter[object] = Counter()
    for change in changes:
        if change["kind"] == "bound":
            held.append(change["token"])
            transactions[change["xid"], change["operation_id"]] += 1
        else:
            assert change["kind"] == "evicted"
            transactions[change["xid"], change["operation_id"]] -= 1
            # Whoever is pushed out by a call is among those bound longest, in any order.
            assert change["token"] in held[: len(held) - 5]
            held.remove(change["token"])
    assert len(held) == 5
    # Once the account is full, each transaction pushes out as many as it binds.
    assert sum(transactions.values()) == 5
    assert sum(map(abs, transactions.values())) == 5
    assert [token for (token, _), _ in await app.bound()] == held
