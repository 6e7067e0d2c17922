"""Calls that come at the same time share one round trip and one commit (docs/adr/0039, 0093).

What comes to a process that has time goes at once. What comes while a batch is under way, or so soon after one began
that the process has hardly rested since, goes together: a busy process has the next calls on their way already, and
what a call costs beside its own work, its wake-ups first, is less for those that come together.
"""

import asyncio
import enum
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar

from prometheus_client import Histogram

from services.runtime.errors import Overloaded, Refusal

I = TypeVar("I")  # noqa: E741 an item
R = TypeVar("R")
I_contra = TypeVar("I_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)

ITEMS = Histogram(
    "tessera_batch_items", "How many calls shared a round trip and a commit.", buckets=(1, 2, 4, 8, 16, 32, 64)
)

_Item: TypeAlias = tuple[I, asyncio.Future[R]]

_MOST_WAITING = 10_000
# How many go alone at a time, each of which may take as long as a lock is held.
_MOST_ALONE = 4
# How long the process has to have had nothing to do since a batch began before the next one does, and when that begins
# in any case; and the shortest time between two looks.
_REST_SECONDS = 0.001
_LONGEST_SECONDS = 0.03
_LOOK_SECONDS = 0.001


class Later(enum.Enum):
    """In the place of an item's result: nothing was done with it, it is to be run again, by itself."""

    ALONE = enum.auto()


class Run(Protocol[I_contra, R_co]):
    """Does some items, all or none, and answers a result for each in their order."""

    def __call__(self, items: Sequence[I_contra], /, *, wait: bool) -> Awaitable[Sequence[R_co | Literal[Later.ALONE]]]:
        """Do them. Only where `wait` holds, there is one, and it may wait for what others hold."""


def _spent() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


class Batches(Generic[I, R]):
    """Runs items in batches.

    Args:
        run: does a batch. It must not mind which items share one, and must not wait for any of them unless it is told
            to: what somebody else holds is `Later.ALONE`, and holds up nobody. A refusal that it raises is told to all:
            whether they took effect may not be known. After any other error none did; each is then run by itself, and
            gets what that comes to.
        most: what the items of a batch may weigh together; one that weighs more goes by itself.
        weigh: what an item weighs; absent: one each.
        at_once: how many batches may be under way: beside another one goes only what is full, since what is not would
            have more company by waiting.
        spent: seconds that went by, and in how many of them the process computed.
    """

    def __init__(
        self,
        run: Run[I, R],
        most: int = 64,
        weigh: Callable[[I], int] = lambda _item: 1,
        at_once: int = 1,
        spent: Callable[[], tuple[float, float]] = _spent,
    ) -> None:
        self._run = run
        self._most = most
        self._weigh = weigh
        # With what each weighs, and what they weigh together.
        self._waiting: deque[tuple[_Item[I, R], int]] = deque()
        self._weight = 0
        self._at_once = at_once
        self._spent = spent
        self._under_way = 0
        # What was spent when the last one began.
        self._began = (float("-inf"), 0.0)
        self._resting: asyncio.TimerHandle | None = None
        self._alone = asyncio.Semaphore(_MOST_ALONE)
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, item: I) -> R:
        """Run an item in the next batch and give its result.

        A caller that goes away takes its item along if that has not begun, and leaves the others alone.

        Raises:
            Overloaded: too many wait already.
        """
        if len(self._waiting) + len(self._tasks) >= _MOST_WAITING:
            raise Overloaded(detail="too many wait for a batch")
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        weight = self._weigh(item)
        self._waiting.append(((item, done), weight))
        self._weight += weight
        self._proceed()
        return await done

    def _proceed(self) -> None:
        """Send the next batch if somebody waits and it is time; else see that this is asked again when it may be."""
        if not self._waiting or self._under_way >= self._at_once:
            return
        if self._weight < self._most:
            if self._under_way or self._resting:
                return
            if (left := self._left()) > 0:
                self._resting = asyncio.get_running_loop().call_later(max(left, _LOOK_SECONDS), self._look)
                return
        self._begin()

    def _look(self) -> None:
        self._resting = None
        self._proceed()

    def _left(self) -> float:
        """Seconds until a batch begins that is not full, in a process that has nothing else to do."""
        now, computed = self._spent()
        began, computed_then = self._began
        passed = now - began
        return min(_REST_SECONDS - passed + computed - computed_then, _LONGEST_SECONDS - passed)

    def _begin(self) -> None:
        if self._resting:
            self._resting.cancel()
            self._resting = None
        batch: list[_Item[I, R]] = []
        weight = 0
        while self._waiting:
            each, its_weight = self._waiting[0]
            if not each[1].done():
                weight += its_weight
                if batch and weight > self._most:
                    break
                batch.append(each)
            self._waiting.popleft()
            self._weight -= its_weight
        if batch:
            ITEMS.observe(len(batch))
            self._under_way += 1
            self._began = self._spent()
            self._start(self._do(batch))

    async def _do(self, batch: Sequence[_Item[I, R]]) -> None:
        try:
            for each in await self._settle(batch, wait=False):
                self._start(self._do_alone(each))
        finally:
            self._under_way -= 1
            self._proceed()

    async def _do_alone(self, item: _Item[I, R]) -> None:
        async with self._alone:
            if not item[1].done():
                await self._settle((item,), wait=True)

    async def _settle(self, batch: Sequence[_Item[I, R]], *, wait: bool) -> Sequence[_Item[I, R]]:
        """Run a batch and tell what it came to; those that are to go alone are answered."""
        try:
            results = await self._run([item for item, _ in batch], wait=wait)
        except Exception as error:  # noqa: BLE001 it is raised where the call is answered
            if len(batch) > 1 and not isinstance(error, Refusal):
                return batch
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
            return ()
        alone = []
        for each, result in zip(batch, results, strict=True):
            if isinstance(result, Later):
                alone.append(each)
            elif not each[1].done():
                each[1].set_result(result)
        return alone

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="batch")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
