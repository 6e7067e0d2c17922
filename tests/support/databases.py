"""A real Postgres for a test run, and as many migrated databases in it as tests ask for."""

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.home import Home
from deploy.local.postgres import Postgres, programs
from services.runtime.supervisor import Supervisor

HASTY = "fsync=off"
"""Settings of a server of tests, which leaves it to the kernel when the disk gets what was written.

A commit is still written before it is answered, so whatever is killed, the server too, loses nothing: what such a
server would not survive is the end of the machine, which no test brings about.
"""


class Databases:
    """Makes databases; each service's first one is migrated, further ones are copies of it."""

    def __init__(self, postgres: Postgres, sockets: Path) -> None:
        self._postgres = postgres
        self._sockets = sockets
        self._migrated: set[str] = set()
        self._numbers = itertools.count(1)

    def fresh(self, service: str) -> str:
        """Make an empty database with a service's schema. Returns its DSN, as the service's own role."""
        template = f"template_{service}"
        if service not in self._migrated:
            self._create(template, service, "template0")
            self._migrate(service, self._dsn(service, template))
            self._migrated.add(service)
        return self._copied(service, template)

    def copied(self, service: str, dsn: str) -> str:
        """Make a database as another one of the service's is, to which nobody is connected. Returns its DSN."""
        return self._copied(service, urlsplit(dsn).path.removeprefix("/"))

    def empty(self, role: str) -> str:
        """Make a database without anything in it, owned by a service's role. Returns its DSN."""
        name = f"empty_{next(self._numbers)}"
        self._create(name, role, "template0")
        return self._dsn(role, name)

    def _copied(self, service: str, template: str) -> str:
        name = f"{service}_{next(self._numbers)}"
        self._create(name, service, template)
        return self._dsn(service, name)

    def drop(self, dsn: str) -> None:
        """Take a database away, and whoever is connected to it: what was not kept need not reach the disk."""
        self._run("dropdb", "--force", urlsplit(dsn).path.removeprefix("/"))

    def _create(self, name: str, owner: str, template: str) -> None:
        # Pages that go through the log, as they do else, cost twice as much.
        self._run("createdb", "--strategy=file_copy", "-O", owner, "-T", template, name)

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run([programs() / program, "-h", self._sockets, "-U", "postgres", *arguments], check=True)

    def _dsn(self, role: str, database: str) -> str:
        return self._postgres.dsn(role).replace("/tessera?", f"/{database}?")

    @staticmethod
    def _migrate(service: str, dsn: str) -> None:
        """By the command that an operator types."""
        environ = os.environ | {"TESSERA_DSN": dsn}
        subprocess.run([sys.executable, "-m", f"services.{service}", "migrate"], check=True, env=environ)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Databases]:
    """Run Postgres in a folder of its own."""
    home = Home(folder)
    supervisor = Supervisor(lambda _name, _line: None)
    postgres = Postgres(home, os.environ, HASTY)
    try:
        await postgres.start(supervisor)
        yield Databases(postgres, home.run())
    finally:
        await asyncio.shield(supervisor.stop())
