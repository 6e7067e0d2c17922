"""Hears what other processes tell by NOTIFY, and knows how well it hears.

What was told while nobody listened is lost. So whoever keeps something by what is told must know until when everything
was heard: `heard_at` says so, and `reset` that something may have been missed.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta

import asyncpg
import structlog
from prometheus_client import Gauge

from services.runtime.db import AWAY, DirectConnection
from services.runtime.repeating import repeat

log = structlog.get_logger()

AGE = Gauge("tessera_changes_age_seconds", "How old the knowledge of what operators changed is; since the start: none.")

_EVERY = timedelta(milliseconds=250)
_PATIENCE_SECONDS = 1.0
_CONNECT_SECONDS = 5.0


class Listener:
    """Listens on one channel, over a connection of its own that is made again when it is lost.

    Args:
        dsn: the database, without a pooler.
        channel: what is listened to.
        heard: told each payload, in the order of commits.
        reset: told that something may have been missed: whenever the connection was lost, and when there is a new one.
    """

    def __init__(self, dsn: str, channel: str, heard: Callable[[str], None], reset: Callable[[], None]) -> None:
        self._dsn = dsn
        self._channel = channel
        self._heard = heard
        self._reset = reset
        self._connection: DirectConnection | None = None
        self.heard_at = float("-inf")
        """Until when, by `time.monotonic()`, everything that was told has been heard; minus infinity: never."""
        self._known_at = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        AGE.set_function(lambda: time.monotonic() - self._known_at)

    def start(self) -> None:
        """Begin to listen, and go on; nobody waits for it."""
        self._task = repeat("listening", self._follow)

    async def close(self) -> None:
        """Stop listening."""
        if self._task:
            self._task.cancel()
            # It may be about to connect, and what it gets must be closed, too.
            await asyncio.wait({self._task})
        self._lose("closing")

    async def _follow(self) -> float:
        """Ask the connection whether it lives; what was told before the question comes before the answer."""
        asked_at = time.monotonic()
        try:
            if self._connection is None:
                self._connection = await asyncpg.connect(
                    self._dsn,
                    timeout=_CONNECT_SECONDS,
                    server_settings={"application_name": "tessera-listener"},
                )
                self._connection.add_termination_listener(self._ended)
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._connection.add_listener(self._channel, self._take)
                self._reset()
                log.debug("listening", channel=self._channel)
                asked_at = time.monotonic()
            async with asyncio.timeout(_PATIENCE_SECONDS):
                server = await self._connection.fetchval("select pg_backend_pid()")
            if self._connection:
                # Another than the one that was connected to: a pooler, by which what is told gets lost.
                self.heard_at = asked_at if server == self._connection.get_server_pid() else float("-inf")
                self._known_at = max(self._known_at, self.heard_at)
        except (TimeoutError, *AWAY) as error:
            self._lose(f"{type(error).__name__}: {error}")
        return _EVERY.total_seconds()

    def _take(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._heard(str(payload))

    def _ended(self, connection: object) -> None:
        if connection is self._connection:
            self._lose("the connection ended")

    def _lose(self, problem: str) -> None:
        connection, self._connection = self._connection, None
        self.heard_at = float("-inf")
        if connection:
            log.debug("not listening", channel=self._channel, problem=problem)
            if not connection.is_closed():
                connection.terminate()
            self._reset()
