"""`python -m tests.load`: measure, show one table, write one report."""

import argparse
import asyncio
import dataclasses
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.local.config import LocalSettings
from deploy.local.errors import CannotRun
from deploy.local.stack import Stack
from services.runtime.supervisor import ProcessFailed
from services.token.identities import Identities
from tests.load import cpu, ghz, minting, report, wrk
from tests.load.driving import Plan, Run
from tests.load.machine import Machine, describe
from tests.load.results import Measured
from tests.load.scenarios import read_all
from tests.load.table import problems, table
from tests.support.ports import free_row
from tests.support.stack import local_settings

_DESCRIPTION = """\
Drives every public call at rising rates: over gRPC with ghz, at the services, and over REST with wrk, through the
gateway.

It starts a stack of its own in a temporary folder and on free ports; one that `make run` keeps is not touched. Before a
step it makes what the calls spend: sessions, codes, assertions, users, links, bindings, one for each call, by the admin
and internal RPCs. It ends with one table, and an HTML report with plots.
"""
_EPILOG = """\
Scenarios: {scenarios}.

TESSERA_* settings reach the services and the gateway as they stand (docs/settings.md). Exit codes: 0 all calls were
answered, or shed by a service that had too much to do; 1 some went wrong, or something is missing (a line says what);
130 stopped by Ctrl-C, after a table of what was measured.
"""
_DEFAULT_REPORT = Path(".tessera/load.html")
_IDLE_SECONDS = 3.0
# What is made before a step must live until its end; a code lives ten minutes.
_MOST_SECONDS = 300
# More lines than this of one run say nothing more.
_MOST_LINES = 20
_TABLE_WIDTH = 150


def main() -> int:
    """Do what the command line says; returns the exit code."""
    arguments = _parser().parse_args()
    missing = [
        line
        for found, line in (
            (ghz.find(), "ghz is missing: `make .venv/.tools` builds it, with Go 1.26 or newer (https://go.dev/dl)"),
            (wrk.find(), "wrk is missing: it is your system's package wrk (apt, dnf, pacman, brew install wrk)"),
        )
        if not found
    ]
    if missing:
        print(*missing, sep="\n", file=sys.stderr)
        return 1
    scenarios = [each for each in read_all() if not arguments.only or each.name in arguments.only]
    plan = Plan(scenarios, arguments.rates, arguments.seconds, arguments.workers)
    try:
        return asyncio.run(_measure(plan, arguments.report))
    except CannotRun as error:
        print(*error.problems, sep="\n", file=sys.stderr)
    except (ProcessFailed, ValueError) as error:
        print(error, file=sys.stderr)
    except grpc.aio.AioRpcError as error:
        print(f"what the calls spend could not be made: {error.code().name}: {error.details()}", file=sys.stderr)
    return 1


async def _measure(plan: Plan, file: Path) -> int:
    machine = describe()
    said = _Said()
    measured = Measured()
    with tempfile.TemporaryDirectory(prefix="tessera-load-") as folder:
        stack = Stack(_settings(Path(folder), plan.workers), said.line, os.environ)
        with stack.supervisor.signals():
            try:
                done = await stack.supervisor.attempt(_drive(stack, plan, Path(folder), said, measured))
            finally:
                said.listening = False
                await stack.stop()
                print(*said.lines, sep="\n", end="\n" if said.lines else "", file=sys.stderr)
    # Wider than many a terminal: a line that wraps is read more easily than one that is cut.
    if measured.steps:
        Console(width=_TABLE_WIDTH, soft_wrap=True).print(table(measured.steps))
    if not done:
        print("stopped before the end: there is no report", file=sys.stderr)
        return 130
    return _conclude(file, machine, plan, measured)


def _conclude(file: Path, machine: Machine, plan: Plan, measured: Measured) -> int:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    report.write(file, machine, plan, measured)
    print(f"{machine.date}; {machine.hardware}; load average before: {machine.busy}; revision {machine.revision}")
    print(f"report: {file}")
    wrong = problems(measured.steps)
    print(*wrong, sep="\n", end="\n" if wrong else "", file=sys.stderr)
    return 1 if wrong else 0


async def _drive(stack: Stack, plan: Plan, folder: Path, said: "_Said", measured: Measured) -> None:
    """Start the stack and measure."""
    with _progress() as progress:
        task = progress.add_task("starting", total=plan.steps)
        await stack.start()
        said.lines.clear()
        progress.update(task, description="making apps and users")
        async with minting.opened(stack.layout, Identities.read(stack.home.identities)) as mint:
            progress.update(task, description="measuring what runs anyway")
            before = cpu.read()
            await asyncio.sleep(_IDLE_SECONDS)
            measured.idle = {kind: seconds / _IDLE_SECONDS for kind, seconds in cpu.since(before).items()}
            run = Run(stack.layout, mint, folder, said.line)
            async for step in run.steps(plan, *_shown(progress, task)):
                measured.steps.append(step)
                progress.advance(task)


def _shown(progress: Progress, task: "int") -> tuple[Callable[[str, int, int], None], Callable[[str, str, int], None]]:
    """Show what is made and what is driven, as `Run.steps` tells it."""
    making = progress.add_task("", visible=False)

    def minted(scenario: str, made: int, total: int) -> None:
        progress.update(making, description=f"{scenario}: minting", completed=made, total=total, visible=made < total)

    def begins(scenario: str, surface: str, rate: int) -> None:
        progress.update(task, description=f"{scenario} · {surface} · {rate}/s")

    return minted, begins


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description:<45}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


class _Said:
    """What processes said that is worth a look: not that they answered a call."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.listening = True

    def line(self, name: str, line: str) -> None:
        """A line of a process."""
        if self.listening and "[info " not in line and len(self.lines) < _MOST_LINES:
            self.lines.append(f"{name}: {line}")


def _settings(folder: Path, workers: int) -> LocalSettings:
    ports = {"worker_port": free_row(3 * workers)[0], "metrics_port": free_row(3 * workers)[0]}
    return dataclasses.replace(local_settings(folder / "home"), workers=workers, **ports)


def _parser() -> argparse.ArgumentParser:
    names = [scenario.name for scenario in read_all()]
    parser = argparse.ArgumentParser(
        prog="python -m tests.load",
        description=_DESCRIPTION,
        epilog=_EPILOG.format(scenarios=", ".join(names)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--rates",
        type=_rates,
        default=(50, 100, 200, 400),
        metavar="N,N,…",
        help="calls a second, rising [50,100,200,400]",
    )
    parser.add_argument(
        "--seconds", type=_seconds, default=2.0, metavar="S", help="how long a step takes, at most 300 [2]"
    )
    parser.add_argument(
        "--only", action="append", choices=names, metavar="SCENARIO", help="this scenario; may be given several times"
    )
    parser.add_argument(
        "--workers", type=_positive(int), default=1, metavar="N", help="worker processes of each service [1]"
    )
    parser.add_argument(
        "--report", type=Path, default=_DEFAULT_REPORT, metavar="FILE", help=f"the report [{_DEFAULT_REPORT}]"
    )
    return parser


def _rates(text: str) -> tuple[int, ...]:
    return tuple(sorted({_positive(int)(part) for part in text.split(",")}))


def _seconds(text: str) -> float:
    seconds = _positive(float)(text)
    if seconds > _MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"more than {_MOST_SECONDS}: {text}")
    return seconds


def _positive(kind: Callable[[str], float]) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = 0
        if not value > 0:  # as NaN is not
            what = "whole number" if kind is int else "number"
            raise argparse.ArgumentTypeError(f"not a {what} above 0: {text}")
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())
