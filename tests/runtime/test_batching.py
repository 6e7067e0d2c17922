import asyncio
from collections.abc import Sequence
from typing import Literal

from services.runtime.batching import Batches, Later
from services.runtime.errors import Unavailable


class Work:
    """Doubles numbers, a batch at a time, when it is let; remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def __call__(self, items: Sequence[int], /, *, wait: bool) -> list[int]:
        assert len(items) == 1 or not wait
        self.batches.append(list(items))
        await self.gate.wait()
        if self.error and (13 in items or isinstance(self.error, Unavailable)):
            raise self.error
        return [2 * item for item in items]


async def _added(batches: Batches[int, int], *items: int) -> list["asyncio.Task[int]"]:
    tasks = [asyncio.create_task(batches.add(item)) for item in items]
    await asyncio.sleep(0.01)
    return tasks


async def test_what_comes_alone_goes_at_once() -> None:
    work = Work()
    batches = Batches(work)
    assert [await batches.add(1), await batches.add(2)] == [2, 4]
    assert work.batches == [[1], [2]]


async def test_what_comes_meanwhile_goes_together_and_each_gets_its_own() -> None:
    work = Work()
    batches = Batches(work, most=3)
    work.gate.clear()
    tasks = await _added(batches, 1, 2, 3, 4, 5)
    work.gate.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10]
    assert work.batches == [[1], [2, 3, 4], [5]]


async def test_beside_a_batch_that_is_under_way_another_goes_when_it_is_full() -> None:
    work = Work()
    batches = Batches(work, most=3, at_once=2)
    work.gate.clear()
    tasks = await _added(batches, 1, 2, 3)
    assert work.batches == [[1]]
    tasks += await _added(batches, 4, 5, 6, 7, 8)
    assert work.batches == [[1], [2, 3, 4]]
    work.gate.set()
    assert await asyncio.gather(*tasks) == [2, 4, 6, 8, 10, 12, 14, 16]
    assert work.batches == [[1], [2, 3, 4], [5, 6, 7], [8]]
    assert await asyncio.wait_for(batches.add(9), 5) == 18


class Spent:
    """Seconds that go by, and are computed in, when they are told to."""

    def __init__(self) -> None:
        self.passed = self.computed = 0.0

    def __call__(self) -> tuple[float, float]:
        return self.passed, self.computed


async def test_a_process_that_has_not_rested_takes_together_what_comes() -> None:
    work, spent = Work(), Spent()
    batches = Batches(work, most=4, spent=spent)
    assert await batches.add(1) == 2
    spent.passed, spent.computed = 0.02, 0.0195
    tasks = await _added(batches, 2, 3)
    assert work.batches == [[1]]
    # What is full waits for no rest.
    tasks += await _added(batches, 4, 5)
    assert work.batches == [[1], [2, 3, 4, 5]]
    assert await asyncio.gather(*tasks) == [4, 6, 8, 10]


async def test_one_that_has_rested_has_nobody_wait() -> None:
    work, spent = Work(), Spent()
    batches = Batches(work, spent=spent)
    assert await batches.add(1) == 2
    tasks = await _added(batches, 2, 3)
    assert work.batches == [[1]]
    spent.passed = 0.002
    assert await asyncio.wait_for(asyncio.gather(*tasks), 5) == [4, 6]
    spent.passed = 0.004
    assert await batches.add(4) == 8
    assert work.batches == [[1], [2, 3], [4]]


async def test_in_one_that_never_rests_nobody_waits_for_long() -> None:
    work, spent = Work(), Spent()
    batches = Batches(work, spent=spent)
    assert await batches.add(1) == 2
    tasks = await _added(batches, 2, 3)
    spent.passed = spent.computed = 0.031
    assert await asyncio.wait_for(asyncio.gather(*tasks), 5) == [4, 6]
    assert work.batches == [[1], [2, 3]]


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
    assert work.batches == [[1], [3]]


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
    assert work.batches == [[1], [2, 3]]


async def test_one_that_would_wait_goes_alone_and_holds_up_nobody() -> None:
    locked = asyncio.Event()
    alone: list[int] = []

    async def run(items: Sequence[int], /, *, wait: bool) -> list[int | Literal[Later.ALONE]]:
        if wait:
            assert items == [13]
            alone.append(13)
            await locked.wait()
        return [Later.ALONE if item == 13 and not wait else 2 * item for item in items]

    batching = Batches(run)
    # Also one that has the queue to itself when it comes.
    first = asyncio.create_task(batching.add(13))
    await asyncio.sleep(0.01)
    tasks = [asyncio.create_task(batching.add(item)) for item in (1, 2, 13, 13, 13, 13, 13, 13, 4)]
    for task in (*tasks[:2], tasks[-1], asyncio.create_task(batching.add(5))):
        await asyncio.wait_for(task, 5)
    tasks[2].cancel()
    # No more than a few take connections away.
    assert len(alone) == 4
    locked.set()
    assert await first == 26
    assert await asyncio.gather(*tasks[3:8]) == [26] * 5


async def test_nothing_is_kept_of_what_is_done() -> None:
    batches = Batches(Work())
    await asyncio.gather(*(batches.add(number) for number in range(500)))
    await asyncio.sleep(0.1)
    assert not batches._waiting
    assert not batches._tasks
    assert batches._resting is None
