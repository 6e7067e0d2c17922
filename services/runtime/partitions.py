"""Tables that are partitioned by time: new partitions are attached ahead, old ones detached and dropped.

What expires is partitioned by a value that the credential itself carries and that never changes: the time in a UUIDv7,
an assertion's `exp`. Nothing is ever deleted row by row.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import asyncpg
import structlog
from prometheus_client import Gauge

from services.runtime.clock import Clock
from services.runtime.db import DirectConnection, connected
from services.runtime.errors import Refusal
from services.runtime.ids import lowest_uuid7
from services.runtime.repeating import repeat

log = structlog.get_logger()

OVERDUE = Gauge(
    "tessera_partition_overdue_seconds",
    "How long the oldest partition was not needed any more and not dropped, when that was last looked at; 0: none is.",
)
AHEAD = Gauge("tessera_partitions_ahead_seconds", "How long the table that lacks partitions first can still take rows.")

_EVERY = timedelta(hours=1)
_AGAIN = timedelta(seconds=1)
_AHEAD = 3
_STATEMENT = timedelta(seconds=60)
# Longer than the server needs to end a statement by itself.
_PATIENCE = _STATEMENT + timedelta(seconds=10)
# One replica at a time attaches, and one drops, which may take long.
_ATTACHING, _DROPPING = 7_305_510_022, 7_305_510_023
# Tables named as partitions of $2 in schema $1, and how they are attached; one that is not was left by a drop that
# was interrupted. First the one whose detaching was: until it is finished no other can be detached. Regclass would
# leave out the schema where a search path has it.
_PRESENT = """
    select format('%s.%s', $1::text, child.relname) child, inhrelid is not null attached,
           coalesce(inhdetachpending, false) detaching
    from pg_class child left join pg_inherits on inhrelid = child.oid
    where child.relnamespace = $1::text::regnamespace and child.relkind = 'r'
        and child.relname ~ ('^' || $2::text || '_\\d{8}$')
    order by detaching desc, child
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
        late: how much older than now a row may be, by its key, when it comes.
    """

    table: str
    key: Literal["uuid7", "time"]
    span: timedelta
    keep: timedelta
    fillfactor: int = 100
    late: timedelta = timedelta(0)

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

    def needed_until(self, name: str) -> datetime:
        """From when on nothing in the partition of that name is needed any more."""
        start = datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC)
        return start + self.span + self.keep


class Partitions:
    """Keeps the partitions of a service's tables, over a connection of its own.

    Args:
        dsn: of the service; no pooler between, since a lock is held from statement to statement.
        clock: tells which are due.
        tables: the tables.
    """

    def __init__(self, dsn: str, clock: Clock, tables: tuple[Partitioned, ...]) -> None:
        self._dsn = dsn
        self._clock = clock
        self._tables = tables
        self._task: asyncio.Task[None] | None = None
        # Until when each table has its partitions.
        self._covered = {table.table: datetime.min.replace(tzinfo=UTC) for table in tables}
        AHEAD.set_function(lambda: self._ahead)

    async def start(self) -> None:
        """Attach what is due, and go on attaching and dropping behind."""
        try:
            await self.attach()
        except Refusal as error:
            log.warning("partitions not attached", problem=str(error))
        self._task = repeat("partitions", self._follow)

    async def close(self) -> None:
        """Stop."""
        if self._task:
            self._task.cancel()

    @property
    def problem(self) -> str | None:
        """Which tables cannot take what is written now; `None` where all can."""
        now = self._clock.now()
        lacking = [table for table, until in self._covered.items() if until <= now]
        return f"no partition for now: {', '.join(lacking)}" if lacking else None

    @property
    def _ahead(self) -> float:
        return (min(self._covered.values()) - self._clock.now()).total_seconds()

    async def attach(self) -> None:
        """Attach the partitions of now, of three spans ahead, and of what may come late. Idempotent.

        Raises:
            Unavailable: the database is away, or somebody held a table for too long. What was done stays done.
        """
        now = self._clock.now()
        async with self._alone(_ATTACHING) as connection:
            for table in self._tables:
                attached = {row["child"] for row in await self._present(connection, table) if row["attached"]}
                start, last = table.start(now - table.late), table.start(now) + _AHEAD * table.span
                while start <= last:
                    if table.name(start) not in attached:
                        await self._attach(connection, table, start)
                    start += table.span
                    self._covered[table.table] = start

    async def drop(self) -> None:
        """Drop the partitions that nobody needs any more. Waits for those who read them. Idempotent.

        Raises:
            Unavailable, DeadlineExceeded: as above, or a reader took too long. The rest goes another time.
        """
        now = self._clock.now()
        async with self._alone(_DROPPING) as connection:
            due = [
                (now - table.needed_until(row["child"]), table, row)
                for table in self._tables
                for row in await self._present(connection, table)
                if table.needed_until(row["child"]) <= now
            ]
            OVERDUE.set(max((overdue.total_seconds() for overdue, _, _ in due), default=0))
            for _, table, row in due:
                await self._drop(connection, table, row)
            OVERDUE.set(0)

    @asynccontextmanager
    async def _alone(self, lock: int) -> AsyncIterator[DirectConnection]:
        """A connection under the lock, which is let go of with it. Who waited finds everything done."""
        async with connected(self._dsn, patience=_PATIENCE) as connection:
            await connection.execute(f"set statement_timeout = '{_STATEMENT.total_seconds():.0f}s'")
            await connection.execute("select pg_advisory_lock($1)", lock)
            yield connection

    @staticmethod
    async def _present(connection: DirectConnection, table: Partitioned) -> list[asyncpg.Record]:
        return await connection.fetch(_PRESENT, *table.table.split("."))

    @staticmethod
    async def _attach(connection: DirectConnection, table: Partitioned, start: datetime) -> None:
        name = table.name(start)
        await connection.execute("set lock_timeout = '200ms'")
        # `partition of` would shut everybody out of the parent, and wait in front of them for each reader to leave.
        await connection.execute(
            f"create table if not exists {name} (like {table.table} including all) "
            f"with (fillfactor = {table.fillfactor})"
        )
        await connection.execute(
            f"alter table {table.table} attach partition {name} "
            f"for values from ({table.bound(start)}) to ({table.bound(start + table.span)})"
        )
        await connection.execute("set lock_timeout = 0")

    @staticmethod
    async def _drop(connection: DirectConnection, table: Partitioned, row: asyncpg.Record) -> None:
        # A plain drop would wait, with every writer behind it, for each reader of the parent. A detach that was
        # interrupted has to be finished first.
        if row["attached"]:
            mode = "finalize" if row["detaching"] else "concurrently"
            await connection.execute(f"alter table {table.table} detach partition {row['child']} {mode}")
        await connection.execute(f"drop table {row['child']}")
        log.info("partition dropped", partition=row["child"])

    async def _follow(self) -> float:
        try:
            await self.attach()
            await self.drop()
        except Refusal as error:
            log.warning("partitions not kept", problem=str(error))
            return _AGAIN.total_seconds()
        return _EVERY.total_seconds()
