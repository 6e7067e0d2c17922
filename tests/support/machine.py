"""A machine on which services are started one at a time by their own commands, as an operator does."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from deploy.local.home import Home
from deploy.local.ports import SERVICES, lay_out
from deploy.local.programs import Programs
from services.runtime.supervisor import Supervisor
from tests.support.databases import Databases
from tests.support.stack import local_settings


class Machine:
    """Addresses, folders and databases of the three services, none of which runs yet.

    Args:
        home: the machine's folder.
        databases: where it makes a database for each service.
        unmigrated: the service whose database is left empty.
    """

    def __init__(self, home: Home, databases: Databases, unmigrated: str = "") -> None:
        dsn = {name: databases.empty(name) if name == unmigrated else databases.fresh(name) for name in SERVICES}
        self.home = home
        home.make_key()
        self._layout = lay_out(local_settings(home.path))
        self._programs = Programs(home, self._layout, dsn.__getitem__, "info", os.environ)
        self._lines: list[tuple[str, str]] = []

    @asynccontextmanager
    async def running(self, service: str) -> AsyncIterator[grpc.aio.Channel]:
        """One service, and a channel to it."""
        self._lines = [(name, line) for name, line in self._lines if name != service]
        supervisor = Supervisor(self._tell)
        try:
            await supervisor.start(self._programs.serve(service))
            async with grpc.aio.insecure_channel(str(self._layout.peers(service)[0])) as channel:
                yield channel
        finally:
            await supervisor.stop()

    async def says(self, service: str, *words: str, but: str = "\n") -> None:
        """Wait until the service has logged, since it was started, a line with all these words `but` that one."""
        async with asyncio.timeout(30):
            while not any(
                name == service and all(word in line for word in words) and but not in line
                for name, line in self._lines
            ):
                await asyncio.sleep(0.05)

    async def bootstrap(self) -> None:
        """Make the first domain."""
        await Supervisor(self._tell).once(self._programs.bootstrap())

    async def migrate(self, service: str) -> None:
        """Bring a service's schema up to date."""
        await Supervisor(self._tell).once(self._programs.migrate(service))

    def _tell(self, name: str, line: str) -> None:
        self._lines.append((name, line))
        print(f"{name}: {line}")
