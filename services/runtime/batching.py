"""Calls that come at the same time share one round trip and one commit (docs/adr/0036).

Nobody waits for a batch to fill: what comes while nothing is under way goes at once and alone; what comes meanwhile
goes together when that has ended, or when it takes long: one that waits for a lock is not to hold up those behind it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from prometheus_client import Histogram

from services.runtime.errors import Overloaded, Refusal

K = TypeVar("K", bound=Hashable)
I = TypeVar("I")  # noqa: E741 an item
R = TypeVar("R")

ITEMS = Histogram(
    "tessera_batch_items", "How many calls shared a round trip and a commit.", buckets=(1, 2, 4, 8, 16, 32, 64)
)

_MOST_WAITING = 10_000
_PATIENCE_SECONDS = 0.05
_MOST_UNDER_WAY = 4


class Batches(Generic[K, I, R]):
    """Runs items in batches, those of one key together.

    Args:
        run: does the items of a key, all or none, and answers a result for each in their order. It must not mind which
            items share a batch. A refusal that it raises is told to all of them: whether they took effect may not be
            known. After any other error none did; each is then run alone, and gets what that comes to.
        most: items of a batch at the most.
    """

    def __init__(self, run: Callable[[K, Sequence[I]], Awaitable[Sequence[R]]], most: int = 64) -> None:
        self._run = run
        self._most = most
        self._queues: dict[K, _Queue[I, R]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, key: K, item: I) -> R:
        """Run an item in the next batch of its key and give its result.

        A caller that goes away takes its item along if that has not begun, and leaves the others alone.

        Raises:
            Overloaded: too many wait already.
        """
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue()
        if len(queue.waiting) >= _MOST_WAITING:
            raise Overloaded(detail="too many wait for a batch")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[R] = loop.create_future()
        queue.waiting.append((item, done))
        if not queue.under_way or loop.time() >= queue.patient_until:
            self._begin(key, queue)
        return await done

    def _begin(self, key: K, queue: "_Queue[I, R]") -> None:
        """Send the next batch, if anybody waits."""
        if queue.under_way >= _MOST_UNDER_WAY:
            return
        batch: list[tuple[I, asyncio.Future[R]]] = []
        while queue.waiting and len(batch) < self._most:
            item, done = queue.waiting.popleft()
            if not done.done():
                batch.append((item, done))
        if batch:
            ITEMS.observe(len(batch))
            queue.under_way += 1
            queue.patient_until = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
            task = asyncio.create_task(self._do(key, queue, batch), name="batch")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif not queue.under_way:
            del self._queues[key]

    async def _do(self, key: K, queue: "_Queue[I, R]", batch: "Sequence[tuple[I, asyncio.Future[R]]]") -> None:
        impatience = asyncio.get_running_loop().call_at(queue.patient_until, self._begin, key, queue)
        try:
            await self._settle(key, batch)
        finally:
            impatience.cancel()
            queue.under_way -= 1
            self._begin(key, queue)

    async def _settle(self, key: K, batch: "Sequence[tuple[I, asyncio.Future[R]]]") -> None:
        try:
            results = await self._run(key, [item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 it is raised where the call is answered
            if len(batch) > 1 and not isinstance(error, Refusal):
                for each in batch:
                    await self._settle(key, (each,))
                return
            for _, done in batch:
                if not done.done():
                    done.set_exception(error)
            return
        for (_, done), result in zip(batch, results, strict=True):
            if not done.done():
                done.set_result(result)


class _Queue(Generic[I, R]):
    """What waits of one key, how many batches of it are under way, and until when the last of these is waited for."""

    __slots__ = ("patient_until", "under_way", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[tuple[I, asyncio.Future[R]]] = deque()
        self.under_way = 0
        self.patient_until = 0.0
