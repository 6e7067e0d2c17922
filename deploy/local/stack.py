"""The stack: Postgres, the three services and the gateway, started in order, kept, and stopped in order."""

import asyncio
import contextlib
import os
import re
from collections.abc import Mapping
from typing import Self

from deploy.local.config import LocalSettings
from deploy.local.demo import Demo
from deploy.local.demo_app import DemoApp
from deploy.local.errors import CannotRun
from deploy.local.home import Home
from deploy.local.ports import SERVICES, held, lay_out
from deploy.local.postgres import Postgres
from deploy.local.programs import Programs
from services.runtime.supervisor import Supervisor, Tell, together

# What Postgres says before it has opened its log file, of no use where all is well.
_POSTGRES_CHATTER = re.compile(r" (LOG|HINT): ")


class Stack:
    """One stack, on a data folder and ports of its own; several may run at once.

    `async with Stack(...)` starts it and waits until the gateway and all services serve, and stops it at the end.

    Args:
        settings: folder, ports, workers.
        tell: takes the name of a process and a line of its output, or of what became of it. Must not raise.
        environ: what every process finds in its environment beside what the stack sets: further `TESSERA_*` settings.

    Raises:
        CannotRun: the data folder cannot be used, or the settings contradict each other.
    """

    def __init__(self, settings: LocalSettings, tell: Tell, environ: Mapping[str, str] = os.environ) -> None:
        self.layout = lay_out(settings)
        self.home = Home(settings.home)
        self.supervisor = Supervisor(self._say)
        self._settings = settings
        self._tell = tell
        self._environ = environ
        self._kept = contextlib.ExitStack()
        self._bootstrapped = asyncio.Event()
        self._app = DemoApp(self.layout.app)
        self.demo: Demo
        """The demo's ids and credentials, once the stack has started."""

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything and wait until it serves. What was started when this fails runs until `stop`.

        Raises:
            CannotRun: something on this machine stands in the way.
            ProcessFailed: a process ended; its last lines, told before, say why.
            SettingsError: a setting of the gateway is wrong.
        """
        self._kept.enter_context(self.home.lock())
        self._kept.enter_context(held(self.layout, self._settings.bind))
        if not self.home.postgres.exists():
            # It belongs to a database that is no more; the identities serve the next one, too.
            self.home.demo.unlink(missing_ok=True)
        known = Demo.read(self.home.demo) if self.home.demo.exists() else None
        self.home.make_key()
        postgres = Postgres(self.home, self._environ, self._settings.postgres_settings)
        await postgres.start(self.supervisor)
        programs = Programs(self.home, self.layout, postgres.dsn, self._settings.log_level, self._environ)
        await together(*(self._migrated(programs, service) for service in SERVICES))
        self.demo = await self._make_demo(known)
        self._app.start(self.demo)

    async def stop(self) -> None:
        """Stop everything that was started, the gateway before Postgres, and let go of folder and ports."""
        await asyncio.to_thread(self._app.stop)
        await self.supervisor.stop()
        self._kept.close()

    async def _migrated(self, programs: Programs, service: str) -> None:
        """Migrate a service and start it; behind token, which makes the identities, start those that have one."""
        await self.supervisor.once(programs.migrate(service))
        if service == "token":
            await self.supervisor.once(programs.bootstrap())
            self._bootstrapped.set()
            await together(self.supervisor.start(programs.gateway()), self.supervisor.start(programs.serve(service)))
        else:
            if service == "account":
                await self._bootstrapped.wait()
            await self.supervisor.start(programs.serve(service))

    async def _make_demo(self, known: Demo | None) -> Demo:
        if known:
            demo = known
        else:
            from deploy.local.seed import seed  # gRPC takes long to load, and a later start needs none

            demo = await seed(self.layout, self.home)
        try:
            if demo.redirect_uri != self.layout.redirect_uri:
                from deploy.local.seed import move  # as above

                demo = await move(self.layout, self.home, demo)
            demo = await asyncio.to_thread(demo.renewed, self.layout.gateway_url)
        except CannotRun as error:
            if not known:
                raise
            # Somebody may have changed what the demo made: it is theirs, and no reason not to run.
            self._tell("demo", f"{self.home.demo} is out of date: {error}")
            return demo
        demo.write(self.home.demo)
        return demo

    def _say(self, name: str, line: str) -> None:
        if name != "postgres" or not _POSTGRES_CHATTER.search(line):
            self._tell(name, line)
