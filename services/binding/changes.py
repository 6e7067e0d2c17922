"""Makes changes durable: in as many transactions as it takes, and in as few as calls that come together can share."""

import asyncio
from collections import deque

import asyncpg

from services.binding.model import Change, Once, Outcome, Part, parts
from services.binding.store import Store
from services.runtime.auth import PushApp
from services.runtime.batching import Batches
from services.runtime.clock import Clock
from services.runtime.errors import FieldInvalid

# Of a transaction that several calls share, but for what their tokens hold.
_WEIGHT_OF_A_BATCH = 300
# While one waits for the disk, another works.
_BATCHES_AT_ONCE = 2
# Calls that may be made again wait for locks, each on a connection of its own, and are to leave some to others.
_ONCE_MOST = 4
# More than any call has units: all of it is done, also where the same call has other units by now.
_ALL = 2**31 - 1


class Changes:
    """Makes changes. Each is committed when a method returns.

    Args:
        store: where bindings are.
        clock: tells when.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._batches: Batches[Part, None] = Batches(
            lambda batch, *, wait: store.apply(batch, clock.now(), wait=wait),
            _WEIGHT_OF_A_BATCH,
            weigh=lambda part: part.weight,
            at_once=_BATCHES_AT_ONCE,
        )
        self._once = asyncio.Semaphore(_ONCE_MOST)

    async def apply(self, push_app: PushApp, change: Change, outcome: Outcome, once: Once | None) -> Outcome:
        """Make a change, part by part: what is named together for one token is never parted. It may be repeated.

        Args:
            push_app: the caller's, with the settings that bind its calls.
            change: what is to be done.
            outcome: what the call comes to.
            once: tells the call, where what was done of it before is not to be done again.

        Returns:
            What the call came to the first time.

        Raises:
            FieldInvalid: the id of `once` was another request's. Nothing was done.
            Unavailable, Overloaded: some parts may be made, and others not.
        """
        done, cap = 0, push_app.tokens_per_account
        # An answer is kept also where there is nothing to be done.
        waiting = deque(parts(change, cap) or ([()] if once else []))
        while waiting:
            units = waiting.popleft()
            part = Part(push_app.access_id, cap, outcome.operation_id, change.kind, units)
            try:
                if once is None:
                    await self._batches.add(part)
                    continue
                end = done + len(units) if waiting else _ALL
                async with self._once:
                    known = await self._store.apply_once(part, self._clock.now(), once, outcome.codes, (done, end))
            except asyncpg.ProgramLimitExceededError:
                # Its tokens hold so many accounts that not all are locked at once. A single token is never refused so.
                middle = len(units) // 2
                waiting.extendleft((units[middle:], units[:middle]))
                continue
            if known.digest != once.digest:
                raise FieldInvalid(once.named, f"{once.named} was used for another call.")
            outcome = Outcome(known.operation_id, known.result)
            if known.done != end:
                # A part of other bounds was done before.
                waiting = deque(parts(Change(change.kind, change.units[known.done :]), cap))
            done = known.done
        return outcome
