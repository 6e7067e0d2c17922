"""Calls that come at the same time share one round trip and one commit (docs/adr/0039).

What comes alone goes at once. What comes while a batch is under way goes together when that has ended, or when it takes
long: one that waits for a lock is not to hold up those behind it. Where the last batch had company, the next one waits
for as much, as long as somebody keeps coming: who drives many calls at a time has its next ones on their way, and all
that a call costs beside its own work, its wake-ups first, is less for those that come together.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from prometheus_client import Histogram

from services.runtime.errors import Overloaded, Refusal

I = TypeVar("I")  # noqa: E741 an item
R = TypeVar("R")

ITEMS = Histogram(
    "tessera_batch_items", "How many calls shared a round trip and a commit.", buckets=(1, 2, 4, 8, 16, 32, 64)
)

_MOST_WAITING = 10_000
_MOST_UNDER_WAY = 4
_PATIENCE_SECONDS = 0.05
# Between two looks at who has come; longer where the process has much to do.
_LOOK_SECONDS = 0.001
# Looks without anybody new, after which nobody is waited for; and looks in all.
_QUIET_LOOKS = 3
_MOST_LOOKS = 30


class Batches(Generic[I, R]):
    """Runs items in batches.

    Args:
        run: does some items, all or none, and answers a result for each in their order. It must not mind which items
            share a batch. A refusal that it raises is told to all of them: whether they took effect may not be known.
            After any other error none did; each is then run alone, and gets what that comes to.
        most: items of a batch at the most.
    """

    def __init__(self, run: Callable[[Sequence[I]], Awaitable[Sequence[R]]], most: int = 64) -> None:
        self._run = run
        self._most = most
        self._waiting: deque[tuple[I, asyncio.Future[R]]] = deque()
        self._under_way = 0
        self._patient_until = 0.0
        # How many the last batch had; and what looks for as many again, while nothing is under way.
        self._company = 1
        self._looking: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, item: I) -> R:
        """Run an item in the next batch and give its result.

        A caller that goes away takes its item along if that has not begun, and leaves the others alone.

        Raises:
            Overloaded: too many wait already.
        """
        if len(self._waiting) >= _MOST_WAITING:
            raise Overloaded(detail="too many wait for a batch")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[R] = loop.create_future()
        self._waiting.append((item, done))
        if self._under_way:
            hurry = loop.time() >= self._patient_until
        else:
            hurry = self._looking is None or len(self._waiting) >= self._company
        if hurry:
            self._begin()
        return await done

    def _begin(self) -> None:
        """Send the next batch, if anybody waits."""
        if self._looking:
            self._looking.cancel()
            self._looking = None
        if self._under_way >= _MOST_UNDER_WAY:
            return
        batch: list[tuple[I, asyncio.Future[R]]] = []
        while self._waiting and len(batch) < self._most:
            item, done = self._waiting.popleft()
            if not done.done():
                batch.append((item, done))
        if batch:
            ITEMS.observe(len(batch))
            self._under_way += 1
            self._company = len(batch)
            self._patient_until = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
            task = asyncio.create_task(self._do(batch), name="batch")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _do(self, batch: "Sequence[tuple[I, asyncio.Future[R]]]") -> None:
        impatience = asyncio.get_running_loop().call_at(self._patient_until, self._begin)
        try:
            await self._settle(batch)
        finally:
            impatience.cancel()
            self._under_way -= 1
            if self._under_way or len(self._waiting) >= self._company:
                self._begin()
            else:
                self._look(0, len(self._waiting), quiet=0, looks=0)

    def _look(self, due: float, before: int, quiet: int, looks: int) -> None:
        """Wait for as much company as the last batch had, while somebody comes or there is something else to do."""
        loop = asyncio.get_running_loop()
        now = len(self._waiting)
        quiet = 0 if now > before else quiet + (loop.time() - due < _LOOK_SECONDS)
        if quiet > _QUIET_LOOKS or looks > _MOST_LOOKS or self._company == 1:
            self._begin()
            return
        self._looking = loop.call_later(_LOOK_SECONDS, self._look, loop.time() + _LOOK_SECONDS, now, quiet, looks + 1)

    async def _settle(self, batch: "Sequence[tuple[I, asyncio.Future[R]]]") -> None:
        try:
            results = await self._run([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 it is raised where the call is answered
            if len(batch) > 1 and not isinstance(error, Refusal):
                for each in batch:
                    await self._settle((each,))
                return
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
            return
        for (_, done), result in zip(batch, results, strict=True):
            if not done.done():
                done.set_result(result)
