"""Postgres through asyncpg: one pool per process, that waits for a database which is away and comes back with it.

A call takes one connection, for one statement wherever it can. What the pool or the connection does wrong becomes
`Unavailable` or `Overloaded` here; what a statement does wrong (a constraint) is left to the store that knows why.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, TypeAlias, TypeVar

import asyncpg
import structlog
from asyncpg.pool import PoolConnectionProxy

from services.runtime.clock import Clock
from services.runtime.errors import DeadlineExceeded, Overloaded, Unavailable
from services.runtime.repeating import repeat

T = TypeVar("T")
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
"""A connection taken from the pool."""
DirectConnection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
"""A connection of one's own."""

log = structlog.get_logger()

_ACQUIRE = timedelta(seconds=2)
_RECONNECT = timedelta(milliseconds=500)
_HEARTBEAT = timedelta(seconds=1)
# How long a server is waited for that should have ended a statement by itself, or was asked to end it.
_SILENCE = timedelta(seconds=2)
# How long a transaction may let a statement of its own run, where calls are given less.
_LONGEST = timedelta(minutes=2)

AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What asyncpg says of a connection on which the server has said its last word.
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DatabaseDroppedError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidCatalogNameError,
)
"""What is raised where the connection or the server, not the statement, is at fault."""

# The schema is not the one that this version was written for: a migration is under way, or was forgotten.
_BEHIND = (
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
)
# The statement ran into another one and may be tried again.
_BUSY = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)


@asynccontextmanager
async def connected(dsn: str, *, patience: timedelta | None = None) -> AsyncIterator[DirectConnection]:
    """A connection of one's own, beside the pool and any pooler: for session locks and what runs in no transaction.

    Args:
        dsn: where.
        patience: how long a statement is waited for, also where the server went without a word; absent: for ever.

    Raises:
        Unavailable: the database is away, or refuses.
    """
    seconds = patience.total_seconds() if patience else None
    with translated():
        connection = await asyncpg.connect(
            dsn, timeout=10, command_timeout=seconds, server_settings={"application_name": "tessera"}
        )
    try:
        with translated():
            yield connection
    finally:
        # Where nobody answers it is closed all the same.
        with suppress(TimeoutError):
            await connection.close(timeout=2)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the connection, the server or another statement does wrong into a refusal that says so."""
    try:
        yield
    except asyncpg.QueryCanceledError as error:
        # Tried again at once, it would only add to what made it slow.
        raise DeadlineExceeded(detail=f"statement timeout: {error}") from error
    except (TimeoutError, *AWAY, *_BUSY) as error:
        raise Unavailable("database", detail=f"{type(error).__name__}: {error}") from error
    except _BEHIND as error:
        log.warning("the schema is not the one that this version knows", problem=str(error))
        raise Unavailable("database", detail=f"{type(error).__name__}: {error}") from error


def _is_open(connection: Connection) -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has it back already
        return False


async def _nothing_to_reset(_connection: DirectConnection) -> None:
    """Statements leave nothing behind in a session, so that giving a connection back is no round trip."""


class Database:
    """A pool of connections to one service's database.

    Args:
        dsn: where; a pooler may stand between.
        service: name of the service, shown in `pg_stat_activity`.
        pool_size: connections at the most.
        statement_timeout: how long one statement may run. What is no transaction is given up soon after, whatever the
            server says: one connection may be silent while others are heard.
        clock: made to follow the database's clock while the pool is open.
    """

    def __init__(self, dsn: str, *, service: str, pool_size: int, statement_timeout: timedelta, clock: Clock) -> None:
        self._dsn = dsn
        self._pool_size = pool_size
        self._clock = clock
        self._patience = (statement_timeout + _SILENCE).total_seconds()
        self._longest_patience = (max(statement_timeout, _LONGEST) + _SILENCE).total_seconds()
        self._settings = {
            "application_name": f"tessera-{service}",
            "statement_timeout": str(int(statement_timeout.total_seconds() * 1000)),
            "lock_timeout": str(int(statement_timeout.total_seconds() * 1000)),
            "idle_in_transaction_session_timeout": "10000",
            "jit": "off",
            # An acknowledged change is on disk, whatever the role or the server has for its default.
            "synchronous_commit": "on",
            # A plan that was made while a table was empty is kept until the table is analysed. By index it is right
            # then and later; no statement of a call wants a whole table.
            "enable_seqscan": "off",
            "timezone": "UTC",
        }
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        # Taken from the pool and not in use, the last one first (docs/adr/0092); and how many wait for one there.
        self._idle: list[Connection] = []
        self._waiting = 0
        # Beside the pool: that all of its connections are busy does not mean that the database is away.
        self._pulse: DirectConnection | None = None
        self._problem: str | None = "not connected yet"
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to connect. Returns when the first attempt is over; further ones go on behind."""
        self._task = repeat("database", self._follow, after=await self._follow())

    async def close(self) -> None:
        """Close the pool; statements that run are given a moment."""
        if self._task:
            self._task.cancel()
            # It may be about to connect, and what it gets must be closed, too.
            await asyncio.wait({self._task})
        if self._pulse:
            self._pulse.terminate()
        # From now on what is given back goes to the pool.
        pool, self._pool = self._pool, None
        if pool:
            try:
                async with asyncio.timeout(2):
                    while self._idle:
                        await self._release(pool, self._idle.pop())
                    await pool.close()
            except TimeoutError:
                pool.terminate()

    @property
    def problem(self) -> str | None:
        """Why the database cannot be used now; `None` while it can."""
        return self._problem

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """Run one statement and return its rows. Raises `Unavailable`, `Overloaded`."""
        return await self._with_connection(lambda connection: connection.fetch(query, *args, timeout=self._patience))

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        """Run one statement and return its first row, `None` where there is none. Raises as `fetch`."""
        return await self._with_connection(lambda connection: connection.fetchrow(query, *args, timeout=self._patience))

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Run one statement and return its first row's first value. Raises as `fetch`."""
        return await self._with_connection(lambda connection: connection.fetchval(query, *args, timeout=self._patience))

    async def execute(self, query: str, *args: Any) -> str:
        """Run one statement and return its command tag. Raises as `fetch`."""
        return await self._with_connection(lambda connection: connection.execute(query, *args, timeout=self._patience))

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One connection for several statements: maintenance. Raises as `fetch`."""
        with translated():
            pool = self._connected()
            connection = await self._acquire(pool)
            try:
                yield connection
            except BaseException:
                await self._release(pool, connection)
                raise
            await self._give_back(pool, connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One connection in one transaction, for what cannot be one statement. Raises as `fetch`."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def _with_connection(self, call: Callable[[Connection], Awaitable[T]]) -> T:
        # What `connection` does, without its three context managers, which cost as much as a small statement.
        with translated():
            pool = self._connected()
            connection = await self._acquire(pool)
            try:
                result = await call(connection)
            except BaseException:
                await self._release(pool, connection)
                raise
            await self._give_back(pool, connection)
            return result

    def _connected(self) -> "asyncpg.Pool[asyncpg.Record]":
        if self._pool is None:
            raise Unavailable("database", detail=self._problem)
        return self._pool

    async def _acquire(self, pool: "asyncpg.Pool[asyncpg.Record]") -> Connection:
        # Those are of the pool that there is now, which may be another one after each wait.
        while self._idle and pool is self._pool:
            connection = self._idle.pop()
            if _is_open(connection):
                return connection
            await self._release(pool, connection)
        self._waiting += 1
        try:
            # asyncpg's own timeout would make a task.
            async with asyncio.timeout(_ACQUIRE.total_seconds()):
                return await pool.acquire()
        except TimeoutError as error:
            raise Overloaded(detail="no database connection became free") from error
        finally:
            self._waiting -= 1

    async def _give_back(self, pool: "asyncpg.Pool[asyncpg.Record]", connection: Connection) -> None:
        """Keep a connection whose work went well for the next call, where nobody waits for the pool to have one."""
        if pool is self._pool and not self._waiting:
            self._idle.append(connection)
        else:
            await self._release(pool, connection)

    @staticmethod
    async def _release(pool: "asyncpg.Pool[asyncpg.Record]", connection: Connection) -> None:
        try:
            # A statement that was given up is cancelled before, for which the server has to answer.
            await pool.release(connection, timeout=_SILENCE.total_seconds())
        except (TimeoutError, *AWAY) as error:
            # It is closed, and another takes its place. What the statement came to is said already.
            log.warning("connection lost", problem=f"{type(error).__name__}: {error}")

    async def _follow(self) -> float:
        await self._beat()
        return (_HEARTBEAT if self._problem is None else _RECONNECT).total_seconds()

    async def _beat(self) -> None:
        """Connect where there is no pool; then see that the database answers, and how its clock goes."""
        try:
            async with asyncio.timeout(5):
                if self._pulse is None or self._pulse.is_closed():
                    self._pulse = await asyncpg.connect(self._dsn, server_settings=self._settings)
                if self._pool is None:
                    self._pool = await asyncpg.create_pool(
                        self._dsn,
                        min_size=1,
                        max_size=self._pool_size,
                        command_timeout=self._longest_patience,
                        server_settings=self._settings,
                        reset=_nothing_to_reset,
                    )
                elif len(self._idle) > 1:
                    # What is not needed for long the pool closes.
                    await self._release(self._pool, self._idle.pop(0))
                before = time.monotonic()
                theirs: datetime = await self._pulse.fetchval("select clock_timestamp()")
                took = timedelta(seconds=time.monotonic() - before)
        except (TimeoutError, asyncpg.QueryCanceledError, *AWAY) as error:
            if self._pulse:
                self._pulse.terminate()
            if self._pool and isinstance(error, TimeoutError):
                # What says nothing may have gone without a word, and whoever waits on it would wait for ever.
                self._pool.terminate()
                self._pool = None
                self._idle.clear()
            problem = f"{type(error).__name__}: {error}"
            if self._problem != problem:
                log.warning("database away", problem=problem)
            self._problem = problem
            return
        if self._problem is not None:
            log.info("database connected")
        self._problem = None
        # A slow answer says little about when it was made.
        if took < timedelta(milliseconds=200):
            self._clock.follow(theirs + took / 2)
