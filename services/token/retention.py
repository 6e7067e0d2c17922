"""The audit log of domains that keep it for less than a partition: what is older is deleted, a little at a time.

Of all other domains whole partitions go (`store.PARTITIONED`), which costs nothing. Here each statement deletes a
bounded number of rows by their primary key, in a transaction of its own, and one process at a time does.
"""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from prometheus_client import Gauge

from services.runtime.clock import Clock
from services.runtime.errors import Refusal
from services.runtime.ids import lowest_uuid7, uuid7_time
from services.runtime.repeating import repeat
from services.token.store import AUDIT_KEPT, Store

log = structlog.get_logger()

OVERDUE = Gauge(
    "tessera_audit_overdue_seconds",
    "How long the oldest audit row is past its domain's retention and not deleted; 0: none is.",
)

_EVERY = timedelta(minutes=10)
_AGAIN = timedelta(seconds=10)
_ROWS = 1_000
# Between statements, so that the sweep is never what the database is busy with.
_PAUSE = timedelta(milliseconds=50)
_NIL = UUID(int=0)


class Retention:
    """Deletes what the domains keep no longer.

    Args:
        store: the audit log.
        clock: tells what is too old.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on sweeping behind the calls."""
        self._task = repeat("audit retention", self._follow, after=_AGAIN.total_seconds())

    async def close(self) -> None:
        """Stop. What was deleted stays so."""
        if self._task:
            self._task.cancel()

    async def sweep(self) -> int:
        """Delete everything that is too old now. Idempotent; may run in several processes.

        Returns:
            How many statements deleted something here.

        Raises:
            Unavailable, Overloaded, DeadlineExceeded: the rest goes another time.
        """
        now, batches = self._clock.now(), 0
        domains = await self._store.select_audit_retentions(AUDIT_KEPT)
        overdue = [await self._overdue(domain_id, now - kept) for domain_id, kept in domains]
        OVERDUE.set(max(overdue, default=timedelta()).total_seconds())
        for (domain_id, kept), late in zip(domains, overdue, strict=True):
            if late:
                batches += await self._sweep(domain_id, lowest_uuid7(now - kept))
        left = [await self._overdue(domain_id, now - kept) for domain_id, kept in domains] if batches else overdue
        OVERDUE.set(max(left, default=timedelta()).total_seconds())
        return batches

    async def _overdue(self, domain_id: str, oldest: datetime) -> timedelta:
        """How much older than it may be a domain's oldest row is."""
        first = await self._store.select_oldest_audit(domain_id)
        return max(oldest - uuid7_time(first), timedelta()) if first else timedelta()

    async def _sweep(self, domain_id: str, before: UUID) -> int:
        batches, place = 0, _NIL
        while last := await self._store.sweep_audit(domain_id, place, before, _ROWS):
            place, batches = last, batches + 1
            await asyncio.sleep(_PAUSE.total_seconds())
        if batches:
            log.info("audit rows past their retention deleted", domain=domain_id, statements=batches, rows_each=_ROWS)
        return batches

    async def _follow(self) -> float:
        try:
            await self.sweep()
        except Refusal as error:
            log.warning("audit rows not deleted", problem=str(error))
            return _AGAIN.total_seconds()
        return _EVERY.total_seconds()
