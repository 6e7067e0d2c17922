import asyncio
from collections.abc import Sequence

import pytest

from services.runtime.batching import Batches
from services.runtime.errors import Unavailable


class Work:
    """Doubles numbers, a batch at a time, when it is let; remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[int]]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def __call__(self, key: str, items: Sequence[int]) -> list[int]:
        self.batches.append((key, list(items)))
        await self.gate.wait()
        if self.error and (13 in items or isinstance(self.error, Unavailable)):
            raise self.error
        return [2 * item for item in items]


async def _added(batches: Batches[str, int, int], *items: int, key: str = "a") -> list["asyncio.Task[int]"]:
    tasks = [asyncio.create_task(batches.add(key, item)) for item in items]
    await asyncio.sleep(0.01)
    return tasks


async def test_what_comes_alone_goes_at_once() -> None:
    work = Work()
    batches = Batches(work)
    assert [await batches.add("a", 1), await batches.add("a", 2)] == [2, 4]
    assert work.batches == [("a", [1]), ("a", [2])]


async def test_what_comes_meanwhile_goes_together_and_each_gets_its_own() -> None:
    work = Work()
    batches = Batches(work, most=3)
    work.gate.clear()
    tasks = await _added(batches, 1, 2, 3, 4, 5)
    work.gate.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert work.batches == [("a", [1]), ("a", [2, 3, 4]), ("a", [5])]


async def test_keys_never_share_a_batch() -> None:
    work = Work()
    batches = Batches(work)
    work.gate.clear()
    tasks = await _added(batches, 1, 2, 3) + await _added(batches, 4, 5, key="b")
    work.gate.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert sorted(work.batches) == [("a", [1]), ("a", [2, 3]), ("b", [4]), ("b", [5])]


async def test_a_caller_that_goes_away_harms_nobody() -> None:
    work = Work()
    batches = Batches(work)
    work.gate.clear()
    running, waiting, other = await _added(batches, 1, 2, 3)
    running.cancel()
    waiting.cancel()
    await asyncio.sleep(0.01)
    work.gate.set()
    assert await other == 6
    assert work.batches == [("a", [1]), ("a", [3])]


async def test_one_bad_item_harms_nobody_else() -> None:
    work = Work()
    batches = Batches(work)
    work.gate.clear()
    work.error = ValueError("13")
    tasks = await _added(batches, 1, 2, 13, 4)
    work.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answers[0], answers[1], answers[3]] == [2, 4, 8]
    assert isinstance(answers[2], ValueError)


async def test_where_it_is_not_known_what_took_effect_nothing_is_tried_again() -> None:
    work = Work()
    batches = Batches(work)
    work.gate.clear()
    work.error = Unavailable("database")
    tasks = await _added(batches, 1, 2, 3)
    work.gate.set()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert work.batches == [("a", [1]), ("a", [2, 3])]


async def test_one_that_waits_for_long_holds_up_nobody_for_long() -> None:
    work = Work()
    batches = Batches(work)
    work.gate.clear()
    stuck = await _added(batches, 1)
    behind = await _added(batches, 2)
    async with asyncio.timeout(15):
        while len(work.batches) < 2:
            await asyncio.sleep(0.01)
    # Also one that comes when their time is over.
    await asyncio.sleep(0.1)
    late = await _added(batches, 3)
    assert work.batches == [("a", [1]), ("a", [2]), ("a", [3])]
    # But no more than a few take connections away.
    last = await _added(batches, 4)
    await asyncio.sleep(0.1)
    last += await _added(batches, 5, 6)
    assert len(work.batches) == 4
    work.gate.set()
    assert await asyncio.gather(*stuck, *behind, *late, *last) == [2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize("count", [1, 500])
async def test_nothing_is_kept_of_what_is_done(count: int) -> None:
    batches = Batches(Work())
    await asyncio.gather(*(batches.add(f"key{number % 7}", number) for number in range(count)))
    await asyncio.sleep(0)
    assert not batches._queues
    assert not batches._tasks
