"""Postgres through asyncpg: one pool per process, that waits for a database which is away and comes back with it.

A call takes one connection, for one statement wherever it can. What the pool or the connection does wrong becomes
`Unavailable` or `Overloaded` here; what a statement does wrong (a constraint) is left to the store that knows why.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias, TypeVar

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from services.runtime.clock import Clock
from services.runtime.errors import Overloaded, Unavailable
from services.runtime.repeating import repeat

T = TypeVar("T")
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
"""A connection taken from the pool."""

log = structlog.get_logger()

_ACQUIRE = timedelta(seconds=2)
_RECONNECT = timedelta(milliseconds=500)
_HEARTBEAT = timedelta(seconds=1)

# The connection or the server, not the statement, is at fault.
_AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
# The schema is not the one that this version was written for: a migration is under way, or was forgotten.
_BEHIND = (
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
)
# The statement ran into another one and may be tried again.
_BUSY = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)


class Database:
    """A pool of connections to one service's database.

    Args:
        dsn: where; a pooler may stand between.
        service: name of the service, shown in `pg_stat_activity`.
        pool_size: connections at the most.
        statement_timeout: how long one statement may run.
        clock: made to follow the database's clock while the pool is open.
    """

    def __init__(self, dsn: str, *, service: str, pool_size: int, statement_timeout: timedelta, clock: Clock) -> None:
        self._dsn = dsn
        self._pool_size = pool_size
        self._clock = clock
        self._settings = {
            "application_name": f"tessera-{service}",
            "statement_timeout": str(int(statement_timeout.total_seconds() * 1000)),
            "lock_timeout": str(int(statement_timeout.total_seconds() * 1000)),
            "idle_in_transaction_session_timeout": "10000",
            "jit": "off",
            "timezone": "UTC",
        }
        self._pool: asyncpg.Pool | None = None
        self._problem: str | None = "not connected yet"
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to connect. Returns when the first attempt is over; further ones go on behind."""
        await self._beat()
        self._task = repeat("database", self._follow)

    async def close(self) -> None:
        """Close the pool; statements that run are given a moment."""
        if self._task:
            self._task.cancel()
        if self._pool:
            try:
                async with asyncio.timeout(2):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    @property
    def problem(self) -> str | None:
        """Why the database cannot be used now; `None` while it can."""
        return self._problem

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """Run one statement and return its rows. Raises `Unavailable`, `Overloaded`."""
        return await self._with_connection(lambda connection: connection.fetch(query, *args))

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        """Run one statement and return its first row, `None` where there is none. Raises as `fetch`."""
        return await self._with_connection(lambda connection: connection.fetchrow(query, *args))

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Run one statement and return its first row's first value. Raises as `fetch`."""
        return await self._with_connection(lambda connection: connection.fetchval(query, *args))

    async def execute(self, query: str, *args: Any) -> str:
        """Run one statement and return its command tag. Raises as `fetch`."""
        return await self._with_connection(lambda connection: connection.execute(query, *args))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One connection for several statements: maintenance. Raises as `fetch`."""
        async with self._translated(), self._acquired() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One connection in one transaction, for what cannot be one statement. Raises as `fetch`."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def _with_connection(self, call: Callable[[Connection], Awaitable[T]]) -> T:
        async with self.connection() as connection:
            return await call(connection)

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Connection]:
        if self._pool is None:
            raise Unavailable("database", detail=self._problem)
        try:
            connection = await self._pool.acquire(timeout=_ACQUIRE.total_seconds())
        except TimeoutError as error:
            raise Overloaded(detail="no database connection became free") from error
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    @staticmethod
    @asynccontextmanager
    async def _translated() -> AsyncIterator[None]:
        try:
            yield
        except (*_AWAY, *_BEHIND, *_BUSY) as error:
            raise Unavailable("database", detail=f"{type(error).__name__}: {error}") from error

    async def _follow(self) -> float:
        await self._beat()
        return (_HEARTBEAT if self._problem is None else _RECONNECT).total_seconds()

    async def _beat(self) -> None:
        """Connect where there is no pool; then see that the database answers, and how its clock goes."""
        try:
            async with asyncio.timeout(5):
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(
                        self._dsn, min_size=1, max_size=self._pool_size, server_settings=self._settings
                    )
                before = datetime.now(UTC)
                theirs: datetime = await self.fetchval("select clock_timestamp()")
                after = datetime.now(UTC)
        except (TimeoutError, Unavailable, Overloaded, *_AWAY) as error:
            problem = getattr(error, "detail", None) or f"{type(error).__name__}: {error}"
            if self._problem != problem:
                log.warning("database away", problem=problem)
            self._problem = problem
            return
        if self._problem is not None:
            log.info("database connected")
        self._problem = None
        # A slow answer says little about when it was made.
        if after - before < timedelta(milliseconds=200):
            self._clock.follow(theirs - before - (after - before) / 2)
