import asyncio
import math

import pytest

from services.token import directory
from services.token.directory import Cached


class Source:
    """Answers how often it was asked; slowly where it is told to, and not at all where it is broken."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, _key: str) -> int:
        self.asked += 1
        answer = self.asked
        await self.gate.wait()
        if self.broken:
            raise ConnectionError
        return answer


class Time:
    """Seconds that pass when they are told to, in which everything is heard, or nothing."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.hears = True

    def heard_at(self) -> float:
        return self.now if self.hears else -math.inf

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The directory's own: the event loop goes by the real one."""
    made = Time()
    monkeypatch.setattr(directory, "time", made)
    return made


async def test_callers_at_once_share_one_read(time: Time) -> None:
    source = Source()
    cached = Cached(source, time.heard_at)
    assert await asyncio.gather(*(cached.get("a") for _ in range(50))) == [1] * 50
    assert source.asked == 1


@pytest.mark.parametrize(("hears", "longest"), [(True, 600), (False, 1)])
async def test_a_value_in_use_is_renewed_behind_its_users(time: Time, hears: bool, longest: float) -> None:
    source = Source()
    cached = Cached(source, time.heard_at)
    time.hears = hears
    assert await cached.get("a") == 1
    time.now += longest * 0.4
    assert await cached.get("a") == 1
    assert source.asked == 1
    time.now += longest * 0.2
    source.gate.clear()
    assert await cached.get("a") == 1
    assert await cached.get("a") == 1
    source.gate.set()
    async with asyncio.timeout(15):
        while await cached.get("a") != 2:
            await asyncio.sleep(0.01)
    assert source.asked == 2


@pytest.mark.parametrize(("hears", "longest"), [(True, 600), (False, 1)])
async def test_nothing_older_is_answered_than_may_be(time: Time, hears: bool, longest: float) -> None:
    source = Source()
    cached = Cached(source, time.heard_at)
    time.hears = hears
    await cached.get("a")
    source.broken = True
    time.now += longest * 0.6
    assert await cached.get("a") == 1
    time.now += longest * 0.399
    assert await cached.get("a") == 1
    time.now += longest * 0.001
    with pytest.raises(ConnectionError):
        await cached.get("a")


async def test_what_was_good_for_long_is_so_no_longer_when_nothing_is_heard(time: Time) -> None:
    source = Source()
    cached = Cached(source, time.heard_at)
    await cached.get("a")
    time.now += 20
    assert await cached.get("a") == 1
    time.hears = False
    assert await cached.get("a") == 2


async def test_everything_is_read_anew_after_something_was_missed(time: Time) -> None:
    source = Source()
    cached = Cached(source, time.heard_at)
    source.gate.clear()
    early = asyncio.create_task(cached.get("a"))
    await asyncio.sleep(0.01)
    cached.forget_all()
    source.gate.set()
    assert await early == 1
    assert await cached.get("a") == 2


async def test_what_was_read_before_a_change_is_not_kept_after_it(time: Time) -> None:
    source = Source()
    cached = Cached(source, time.heard_at)
    source.gate.clear()
    early = asyncio.create_task(cached.get("a"))
    await asyncio.sleep(0.01)
    cached.forget("a")
    source.gate.set()
    assert await early == 1
    assert await cached.get("a") == 2


async def test_a_caller_who_goes_away_leaves_the_others_their_answer(time: Time) -> None:
    source = Source()
    cached = Cached(source, time.heard_at)
    source.gate.clear()
    first, second = asyncio.create_task(cached.get("a")), asyncio.create_task(cached.get("a"))
    await asyncio.sleep(0.01)
    first.cancel()
    source.gate.set()
    assert await second == 1
