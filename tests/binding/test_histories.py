"""What several processes leave bound is what some order of the calls leaves that they answered."""

import asyncio
import random
import time

import pytest

from tests.binding.conftest import FleetApps
from tests.binding.fleet import Fleet, FleetApp, new_id, request_of
from tests.binding.histories import Made, TooMany, explained
from tests.binding.modelled import Bound, Call

WRITERS, CALLS, ROUNDS, CAP = 8, 3, 8, 5
PHONES = [f"phone{n}" for n in range(8)]
PEOPLE = [("ann", 0), ("bob", 0), ("carl", 1)]


def some_call(chance: random.Random) -> Call:
    """Most of them bind, so that accounts come to their cap."""
    match chance.choices([1, 2, 3, 4, 5], [3, 6, 1, 1, 1])[0]:
        case 4:
            return Call(4, chance.sample(PHONES, 2))
        case 5:
            return Call(5, [chance.choice(PEOPLE)])
        case operator:
            phones = chance.sample(PHONES, chance.randint(1, 4))
            return Call(operator, [(phone, chance.sample(PEOPLE, chance.randint(1, 2))) for phone in phones], adds=True)


async def write(app: FleetApp, history: list[Made], seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(CALLS):
        call = some_call(chance)
        request = request_of(call, new_id() if chance.random() < 0.3 else "")
        begun = time.monotonic()
        assert (await app.call(request, chance.randrange(3))).ret_code == 0
        history.append(Made(call, begun, time.monotonic()))


async def test_every_state_is_explained_by_an_order_of_the_calls(fleet: Fleet, fleet_apps: FleetApps) -> None:
    full = 0
    app = await fleet_apps(fleet, CAP)
    for number in range(5 * ROUNDS):
        # Until the cap had something to do, too, in some of them: how often it has is a matter of who comes when.
        if number >= ROUNDS and full > ROUNDS // 4:
            break
        history: list[Made] = []
        await asyncio.gather(*(write(app, history, number * WRITERS + seed) for seed in range(WRITERS)))
        found = await app.bound()
        full += any(list(dict(found).values()).count(name) == CAP for name, _ in PEOPLE)
        assert explained(history, found, CAP), (history, found)
        await app.call(request_of(Call(4, PHONES)))
    assert full > ROUNDS // 4


def made(*calls: tuple[Call, float, float]) -> list[Made]:
    return [Made(*call) for call in calls]


def bind(phone: str, *people: tuple[str, int]) -> Call:
    return Call(2, [(phone, people)])


ANN, BOB = PEOPLE[:2]
FIRST, SECOND, THIRD = bind("phone", ANN), bind("pad", ANN), bind("phone", BOB)


@pytest.mark.parametrize(
    ("history", "found", "expected"),
    [
        pytest.param(made((FIRST, 1, 2), (THIRD, 3, 4)), ((("phone", 0), "bob"),), True, id="one after the other"),
        pytest.param(made((FIRST, 1, 2), (THIRD, 3, 4)), ((("phone", 0), "ann"),), False, id="against time"),
        pytest.param(made((FIRST, 1, 3), (THIRD, 2, 4)), ((("phone", 0), "ann"),), True, id="at once"),
        pytest.param(made((FIRST, 1, 3), (THIRD, 2, 4)), (), False, id="lost"),
        pytest.param(made((FIRST, 1, 2), (SECOND, 3, 4)), ((("pad", 0), "ann"),), True, id="pushed out"),
        pytest.param(made((FIRST, 1, 2), (SECOND, 3, 4)), ((("phone", 0), "ann"),), False, id="the wrong one"),
        pytest.param(
            made((FIRST, 1, 4), (SECOND, 1, 4)), ((("phone", 0), "ann"), (("pad", 0), "ann")), False, id="over the cap"
        ),
    ],
)
def test_the_search_tells_right_from_wrong(history: list[Made], found: Bound, *, expected: bool) -> None:
    assert explained(history, found, cap=1) is expected


def test_the_search_ends() -> None:
    history = [Made(bind(phone, person), 0, 1) for phone in PHONES for person in PEOPLE]
    with pytest.raises(TooMany):
        explained(history, ((("phone", 0), "nobody"),), CAP, steps=1000)
