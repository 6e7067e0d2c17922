"""`python -m gateway serve`: keeps one Envoy, ends it without cutting a call, replaces it without losing one.

| signal | what it does |
|---|---|
| SIGTERM, SIGINT | drain, then end; a second one ends at once |
| SIGHUP | read settings and files anew, and have another Envoy take over; if they are wrong, the one there serves on |

An Envoy that ends by itself ends this process too: what restarts it sees that, and starts both anew. Where this process
is killed, Envoy ends with it.
"""

import asyncio
import dataclasses
import signal
import sys
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

from gateway import envoy
from gateway.config import ServeSettings
from gateway.render import write
from services.runtime.env import SettingsError, load

_GRACE_SECONDS = 5
_START_SECONDS = 60


async def serve(environ: Mapping[str, str]) -> int:
    """Serve until a signal.

    Returns:
        The exit code: 0 after a signal, Envoy's own where it ended by itself.

    Raises:
        SettingsError: a setting is wrong.
        OSError: the configuration cannot be written, or Envoy not be started.
    """
    return await _Supervisor(environ, _read(environ)).run()


def _read(environ: Mapping[str, str]) -> ServeSettings:
    """The settings, with an admin socket in any case: draining goes by it."""
    settings = load(ServeSettings, environ)
    beside = settings.gateway_configuration.with_name("admin.sock")
    return dataclasses.replace(settings, gateway_admin_socket=settings.gateway_admin_socket or beside)


class _Supervisor:
    def __init__(self, environ: Mapping[str, str], settings: ServeSettings) -> None:
        self._environ = environ
        self._settings = settings
        self._epoch = 0
        # The newest last. Those before it end by themselves when their calls are over.
        self._envoys: list[asyncio.subprocess.Process] = []
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._renew = asyncio.Event()

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop)
        loop.add_signal_handler(signal.SIGHUP, self._renew.set)
        write(self._settings, self._settings.gateway_configuration)
        self._envoys.append(await self._start())
        try:
            while not self._stop.is_set():
                newest = self._envoys[-1]
                await _first(newest.wait(), self._stop.wait(), self._renew.wait())
                if newest.returncode is not None:
                    return newest.returncode or 1
                if self._renew.is_set():
                    self._renew.clear()
                    await self._take_over()
            await _first(self._drained(), self._envoys[-1].wait(), self._hurry.wait())
        finally:
            await asyncio.gather(*(_end(each) for each in self._envoys))
            envoy.forget(self._settings)
        return 0

    async def _start(self) -> asyncio.subprocess.Process:
        # In a session of its own, so that Ctrl-C in a terminal reaches this process alone.
        argv = envoy.command(self._settings, self._epoch)
        return await asyncio.create_subprocess_exec(*argv, start_new_session=True)

    async def _take_over(self) -> None:
        """Have another Envoy serve, on what the settings are now."""
        try:
            settings = _read(self._environ)
            refused = await asyncio.to_thread(envoy.check, settings)
            if not refused:
                write(settings, settings.gateway_configuration)
        except (SettingsError, OSError) as error:
            _tell(f"stays as it is: {error}")
            return
        if refused:
            _tell("stays as it is: Envoy does not take the configuration")
            return
        # Two at the most: one that ends after its calls, and one that serves.
        for ending in self._envoys[:-1]:
            await _first(ending.wait(), self._stop.wait())
        if self._stop.is_set():
            return
        self._settings, self._epoch = settings, self._epoch + 1
        after = await self._start()
        self._envoys = [self._envoys[-1], after]
        serving = envoy.until_epoch(self._admin, self._epoch)
        await _first(asyncio.wait_for(serving, _START_SECONDS), after.wait(), self._stop.wait())

    async def _drained(self) -> None:
        try:
            await envoy.drain(self._admin, self._settings)
        except OSError as error:
            _tell(f"not drained: {error}")

    @property
    def _admin(self) -> Path:
        assert self._settings.gateway_admin_socket
        return self._settings.gateway_admin_socket

    def _asked_to_stop(self) -> None:
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()


async def _first(*work: Coroutine[Any, Any, object]) -> None:
    """Do several things until one of them is done; the others are given up."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def _tell(line: str) -> None:
    print(f"gateway: {line}", file=sys.stderr, flush=True)
