"""Tables that are partitioned by time: new partitions are attached ahead, old ones detached and dropped.

What expires is partitioned by a value that the credential itself carries and that never changes: the time in a UUIDv7,
an assertion's `exp` (design, "Data"). Nothing is ever deleted row by row.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog

from services.runtime.clock import Clock
from services.runtime.db import Connection, Database
from services.runtime.errors import Refusal
from services.runtime.ids import lowest_uuid7
from services.runtime.repeating import repeat

log = structlog.get_logger()

_EVERY = timedelta(hours=1)
_AHEAD = 3
# One replica at a time makes and drops.
_LOCK = 7_305_510_022
# With their schemas, which regclass leaves out where a search path has them.
_PRESENT = """
    select format('%s.%s', parent.relnamespace::regnamespace, parent.relname) parent,
           format('%s.%s', child.relnamespace::regnamespace, child.relname) child,
           inhdetachpending detaching
    from pg_inherits join pg_class parent on parent.oid = inhparent join pg_class child on child.oid = inhrelid
    where parent.relkind = 'p'
"""


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A partitioned table.

    Args:
        table: schema and name.
        key: what the partition key holds: a UUIDv7 or a time.
        span: how long a partition lasts.
        keep: how long after its end a partition may still be needed.
        fillfactor: of its partitions; a parent has none.
    """

    table: str
    key: Literal["uuid7", "time"]
    span: timedelta
    keep: timedelta
    fillfactor: int = 100

    def bound(self, moment: datetime) -> str:
        """A partition bound as SQL."""
        return f"'{lowest_uuid7(moment)}'" if self.key == "uuid7" else f"'{moment.isoformat()}'"

    def start(self, moment: datetime) -> datetime:
        """The start of the partition that holds `moment`."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=midnight.toordinal() % self.span.days)

    def name(self, start: datetime) -> str:
        """Name of the partition that starts there."""
        return f"{self.table}_{start:%Y%m%d}"


class Partitions:
    """Keeps the partitions of a service's tables.

    Args:
        database: of the service.
        clock: tells which are due.
        tables: the tables.
    """

    def __init__(self, database: Database, clock: Clock, tables: tuple[Partitioned, ...]) -> None:
        self._database = database
        self._clock = clock
        self._tables = tables
        self._task: asyncio.Task[None] | None = None
        self._problem: str | None = "partitions not made yet"

    async def start(self) -> None:
        """Make what is due, and go on doing so behind."""
        await self._follow()
        self._task = repeat("partitions", self._follow)

    async def close(self) -> None:
        """Stop."""
        if self._task:
            self._task.cancel()

    @property
    def problem(self) -> str | None:
        """Why there may be no partition for what is written now; `None` while all is well."""
        return self._problem

    async def keep(self) -> bool:
        """Attach the partitions of now and of three spans ahead; drop those that nobody needs. Idempotent.

        Returns:
            Whether this was done; not where another process is at it.
        """
        now = self._clock.now()
        async with self._database.connection() as connection:
            if not await connection.fetchval("select pg_try_advisory_lock($1)", _LOCK):
                return False
            try:
                present = await connection.fetch(_PRESENT)
                for table in self._tables:
                    mine = {row["child"]: row["detaching"] for row in present if row["parent"] == table.table}
                    for number in range(_AHEAD + 1):
                        await self._attach(connection, table, table.start(now) + number * table.span, mine)
                    oldest = table.name(table.start(now - table.keep))
                    for child in sorted(child for child in mine if child < oldest):
                        await self._drop(connection, table, child, detaching=mine[child])
            finally:
                await connection.execute("select pg_advisory_unlock($1)", _LOCK)
        return True

    @staticmethod
    async def _attach(connection: Connection, table: Partitioned, start: datetime, present: Mapping[str, bool]) -> None:
        if table.name(start) in present:
            return
        await connection.execute(
            f"create table {table.name(start)} partition of {table.table} "
            f"for values from ({table.bound(start)}) to ({table.bound(start + table.span)}) "
            f"with (fillfactor = {table.fillfactor})"
        )

    @staticmethod
    async def _drop(connection: Connection, table: Partitioned, child: str, *, detaching: bool) -> None:
        # A plain drop would wait, with every writer behind it, for each reader of the parent. A detach that was
        # interrupted has to be finished first.
        mode = "finalize" if detaching else "concurrently"
        await connection.execute(f"alter table {table.table} detach partition {child} {mode}")
        await connection.execute(f"drop table {child}")
        log.info("partition dropped", partition=child)

    async def _follow(self) -> float:
        try:
            if await self.keep():
                self._problem = None
        except Refusal as error:
            self._problem = f"partitions not kept: {error}"
        return 1.0 if self._problem else _EVERY.total_seconds()
