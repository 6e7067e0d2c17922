"""Whether a process can serve: what its health service says, kept true."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog
from grpc_health.v1 import health, health_pb2
from prometheus_client import Gauge

from services.runtime import migrations
from services.runtime.clock import MAX_SKEW, Clock
from services.runtime.db import Database
from services.runtime.errors import Refusal
from services.runtime.repeating import repeat

log = structlog.get_logger()

PROBLEM = Gauge("tessera_problem", "1 while this keeps the process from serving, 0 while it does not.", ["problem"])

_SERVING = {True: health_pb2.HealthCheckResponse.SERVING, False: health_pb2.HealthCheckResponse.NOT_SERVING}
# Under this name the health service says that the process answers at all, whatever it can serve: who restarts processes
# asks for it, since a new one would not have the database or the keys that this one lacks.
LIVE = "live"
# How long until the next look: while all is well, and while something is waited for.
_PAUSE = {True: timedelta(milliseconds=500), False: timedelta(milliseconds=50)}


class Readiness:
    """Serving while the database answers, its clock and ours agree, its schema is complete, and nothing else is wrong.

    Args:
        service: its name, whose migrations must all be applied.
        database: its database.
        clock: its clock.
        problems: what else may be wrong, by name; each answers `None` while it is not.
    """

    def __init__(
        self, service: str, database: Database, clock: Clock, problems: Mapping[str, Callable[[], str | None]]
    ) -> None:
        self.health = health.aio.HealthServicer()
        """Answers the gRPC health protocol, for the whole process under the empty name, and under `LIVE`."""
        self._service = service
        self._database = database
        self._clock = clock
        self._problems = problems
        for name in ("database", "clock", "schema", *problems):
            PROBLEM.labels(name).set(0)
        self._applied = False
        self._said: dict[str, str] | None = None

    async def begin(self) -> asyncio.Task[None]:
        """Begin to look, again and again. Until the first look is over, nothing is served."""
        # The library's own word would be SERVING.
        await self.health.set("", _SERVING[False])
        await self.health.set(LIVE, _SERVING[True])
        return repeat("readiness", self.look)

    async def look(self) -> float:
        """Find out how things are, and say so where it changed. Answers after how many seconds to look again."""
        problems = await self._found()
        if problems != self._said:
            log.warning("not ready", **problems) if problems else log.info("ready")
            for name in {*(self._said or ()), *problems}:
                PROBLEM.labels(name).set(name in problems)
            self._said = problems
        await self.health.set("", _SERVING[not problems])
        return _PAUSE[not problems].total_seconds()

    async def _found(self) -> dict[str, str]:
        problems = {name: problem for name, ask in self._problems.items() if (problem := ask())}
        if self._database.problem:
            problems["database"] = self._database.problem
        elif self._clock.skew > MAX_SKEW:
            problems["clock"] = f"{self._clock.skew.total_seconds():.1f} s from the database's"
        elif not self._applied:
            missing = await self._missing_migrations()
            if missing:
                problems["schema"] = f"run `python -m services.{self._service} migrate`: {missing}"
            self._applied = not missing
        return problems

    async def _missing_migrations(self) -> str:
        folder = migrations.folder_of(self._service)
        try:
            async with self._database.connection() as connection:
                return ", ".join(sorted(await migrations.pending(connection, self._service, folder)))
        except Refusal as error:
            return str(error)
