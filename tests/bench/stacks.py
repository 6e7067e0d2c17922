"""A stack of its own for a bench, from its start to its tables."""

import argparse
import asyncio
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.local.postgres import Postgres
from deploy.local.stack import Stack
from services.token.identities import Identities
from tests.bench.driving import Driving
from tests.load import minting
from tests.load.machine import describe
from tests.support.stack import local_settings

_WIDTH = 150


@dataclass(frozen=True)
class Running:
    """A stack that runs for a bench.

    Args:
        stack: it, started by this process.
        mint: makes what calls spend there.
        driving: drives them.
        folder: for files; gone afterwards.
        progress: shows how far it is.
    """

    stack: Stack
    mint: minting.Mint
    driving: Driving
    folder: Path
    progress: Progress

    def dsn(self, role: str) -> str:
        """The database, as a service's role."""
        return Postgres(self.stack.home, os.environ).dsn(role)


class Bench(Protocol):
    """Scenarios that are measured on one stack, and their tables. It is made of what the command line says."""

    about: str
    """What it measures, in a line."""
    description: str
    """What `--help` says of it."""
    postgres_settings: str
    """Of its Postgres, beside those of `make run`."""

    def __init__(self, arguments: argparse.Namespace) -> None: ...

    @staticmethod
    def declare(parser: argparse.ArgumentParser) -> None:
        """Add its arguments."""

    def check(self, folder: Path) -> None:
        """See that it can be measured with that folder for the data. Raises `CannotRun`."""

    async def measure(self, running: Running) -> None:
        """Measure everything."""

    def tables(self) -> Iterable[Table]:
        """What was measured, also where that is not all."""


def run(bench: Bench, *, seconds: float, chains: int) -> int:
    """Measure on a stack of its own, and print what came of it.

    Args:
        bench: what is measured.
        seconds: how long a measurement takes.
        chains: how many calls are under way.

    Returns:
        The exit code: 130 where Ctrl-C ended it.

    Raises:
        CannotRun: something on this machine stands in the way.
        ProcessFailed: a process of the stack ended.
        ValueError: calls failed.
    """
    return asyncio.run(_run(bench, seconds, chains))


async def _run(bench: Bench, seconds: float, chains: int) -> int:
    machine = describe()
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as name:
        folder = Path(name)
        bench.check(folder)
        # As in production: one line of JSON a call.
        environ = {"TESSERA_LOG_FORMAT": "json"} | os.environ
        stack = Stack(local_settings(folder / "home", bench.postgres_settings), _nobody, environ)
        with stack.supervisor.signals():
            try:
                done = await stack.supervisor.attempt(_measure(bench, stack, folder, seconds, chains))
            finally:
                await stack.stop()
    console = Console(width=_WIDTH, soft_wrap=True)
    for table in bench.tables():
        console.print(table)
    print(f"{machine.date}; {machine.hardware}; load average before: {machine.busy}; revision {machine.revision}")
    return 0 if done else 130


async def _measure(bench: Bench, stack: Stack, folder: Path, seconds: float, chains: int) -> None:
    with _progress() as progress:
        starting = progress.add_task("starting", total=None)
        await stack.start()
        async with minting.opened(stack.layout, Identities.read(stack.home.identities)) as mint:
            progress.remove_task(starting)
            driving = Driving(stack.layout, seconds, chains)
            await bench.measure(Running(stack, mint, driving, folder, progress))


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<45}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _nobody(_name: str, _line: str) -> None:
    """Told what processes say where nobody listens."""
