"""`python -m tests.bench`: what a grant costs, in one run and one table."""

import argparse
import asyncio
import dataclasses
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from deploy.local.errors import CannotRun
from deploy.local.postgres import Postgres
from deploy.local.stack import Stack
from services.runtime import telemetry
from services.runtime.supervisor import ProcessFailed
from services.token.identities import Identities
from tests.bench import client, rotating, signing
from tests.load import cpu, minting
from tests.load.machine import describe
from tests.support.stack import local_settings

_DESCRIPTION = """\
Drives grants as fast as they are answered, over gRPC and through the gateway, and prints what each costs: CPU-seconds
for each 1,000 grants, by process, beside what signing alone and the statement alone cost on this machine.

It starts a stack of its own in a temporary folder and on free ports; one that `make run` keeps is not touched. The
client's CPU is not counted, though it takes its part of the machine. "a core" is what one core can do of it a second,
service and Postgres together; "beyond" is what a grant costs them beside its signature.
"""
_SURFACES = ("grpc", "rest")
# More than any machine answers in a second.
_ASSERTIONS_PER_SECOND = 2_500
_TOGETHER = 16
_WARM_UP_SECONDS = 0.5
_WIDTH = 150


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A grant by tokens of one algorithm."""

    grant: str
    algorithm: str
    needs: tuple[str, ...]


_REFRESH, _ASSERTION, _SECRET = "refresh_token", "jwt-bearer", "client_credentials"
_SCENARIOS = (
    Scenario(_REFRESH, "RS256", ("refresh_token",)),
    Scenario(_ASSERTION, "RS256", ("assertion",)),
    Scenario(_SECRET, "RS256", ()),
    Scenario(_REFRESH, "ES256", ("refresh_token",)),
    Scenario(_ASSERTION, "ES256", ("assertion",)),
    Scenario(_SECRET, "ES256", ()),
)


class Bench:
    """Measures on one running stack.

    Args:
        stack: it, started by this process.
        mint: makes what grants spend there.
        seconds: how long each measurement takes.
        chains: how many calls are under way.
    """

    def __init__(self, stack: Stack, mint: minting.Mint, seconds: float, chains: int) -> None:
        self._stack = stack
        self._mint = mint
        self._seconds = seconds
        self._chains = chains
        self._dsn = Postgres(stack.home, os.environ).dsn("token")

    async def run(self, table: Table) -> None:
        """Measure everything, a row each."""
        signature = {name: signing.seconds_per_signature(name) * 1000 for name in signing.ALGORITHMS}
        for name, spent in signature.items():
            table.add_row(
                "signature alone",
                name,
                "",
                f"{1000 / spent:.0f}",
                "",
                "",
                f"{spent:.3f}",
                "",
                "",
                "",
                f"{1000 / spent:.0f}",
            )
        table.add_section()
        with tempfile.TemporaryDirectory() as folder:
            for tokens in (1, _TOGETHER):
                done = await rotating.rotate(
                    self._dsn, Path(folder), tokens=tokens, clients=4, seconds=max(1, round(self._seconds))
                )
                name = "statement alone" if tokens == 1 else f"statement, {tokens} tokens"
                table.add_row(name, "", "pgbench", f"{done.per_second:.0f}", "", "", "", f"{done.cpu_per_1000:.3f}")
        signs_by = "RS256"
        for scenario in _SCENARIOS:
            if scenario.algorithm != signs_by:
                signs_by = scenario.algorithm
                await self._mint.sign_by(signs_by)
            for surface in _SURFACES:
                table.add_row(*await self._measure(scenario, surface, signature[scenario.algorithm]))
            table.add_section()

    async def _measure(self, scenario: Scenario, surface: str, signature: float) -> list[str]:
        await self._drive(await self._task(scenario, surface, _WARM_UP_SECONDS))
        task = await self._task(scenario, surface, self._seconds)
        before = cpu.read()
        answers = await self._drive(task)
        spent = cpu.since(before)
        if answers.failures:
            raise ValueError(f"{scenario.grant} by {surface}: {len(answers.failures)} failed: {answers.failures[0]}")
        count = len(answers.latencies)
        token, postgres, gateway = (spent[kind] / count * 1000 for kind in ("token", "postgres", "gateway"))
        centiles = statistics.quantiles(answers.latencies, n=100)
        return [
            scenario.grant,
            scenario.algorithm,
            surface,
            f"{count / answers.took:.0f}",
            f"{centiles[49] * 1000:.1f}",
            f"{centiles[98] * 1000:.1f}",
            f"{token:.3f}",
            f"{postgres:.3f}",
            f"{gateway:.3f}" if surface == "rest" else "",
            f"{token + postgres - signature:.3f}",
            f"{1000 / (token + postgres):.0f}",
        ]

    async def _task(self, scenario: Scenario, surface: str, seconds: float) -> client.Task:
        layout = self._stack.layout
        address = str(layout.peers("token")[0]) if surface == "grpc" else layout.gateway_url.removeprefix("http://")
        calls = round(seconds * _ASSERTIONS_PER_SECOND) if scenario.grant == _ASSERTION else self._chains
        made = [_parameters(scenario.grant, values) for values in await self._mint.make(scenario.needs, calls, _nobody)]
        chains = [made[number :: self._chains] for number in range(self._chains)]
        return client.Task(address, surface, seconds, scenario.grant != _ASSERTION, chains)

    async def _drive(self, task: client.Task) -> client.Answers:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.client"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate(json.dumps(dataclasses.asdict(task)).encode())
        if process.returncode:
            raise ValueError(f"the client ended with {process.returncode}")
        return client.Answers(**json.loads(output))


def main() -> int:
    """Do what the command line says; returns the exit code."""
    arguments = _parser().parse_args()
    telemetry.set_up_logging("warning", "console", sys.stderr)
    try:
        return asyncio.run(_run(arguments.seconds, arguments.chains))
    except CannotRun as error:
        print(*error.problems, sep="\n", file=sys.stderr)
    except (ProcessFailed, ValueError) as error:
        print(error, file=sys.stderr)
    return 1


async def _run(seconds: float, chains: int) -> int:
    machine = describe()
    table = _table()
    lines: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tessera-bench-") as folder:
        # As in production: one line of JSON a call.
        environ = {"TESSERA_LOG_FORMAT": "json"} | os.environ
        stack = Stack(local_settings(Path(folder) / "home"), lambda _, line: lines.append(line), environ)
        with stack.supervisor.signals():
            try:
                done = await stack.supervisor.attempt(_measure(stack, seconds, chains, table))
            finally:
                await stack.stop()
    Console(width=_WIDTH, soft_wrap=True).print(table)
    print(f"{machine.date}; {machine.hardware}; load average before: {machine.busy}; revision {machine.revision}")
    return 0 if done else 130


async def _measure(stack: Stack, seconds: float, chains: int, table: Table) -> None:
    with Console(stderr=True).status("starting, then a few seconds a row"):
        await stack.start()
        async with minting.opened(stack.layout, Identities.read(stack.home.identities)) as mint:
            await Bench(stack, mint, seconds, chains).run(table)


def _parameters(grant: str, values: minting.Values) -> dict[str, str]:
    if grant == _SECRET:
        return {
            "grant_type": grant,
            "client_id": values["web_client_id"],
            "client_secret": values["web_client_secret"],
        }
    spent = "refresh_token" if grant == _REFRESH else "assertion"
    grant_type = grant if grant == _REFRESH else "urn:ietf:params:oauth:grant-type:jwt-bearer"
    return {"grant_type": grant_type, "client_id": values["jwt_client_id"], spent: values[spent]}


def _table() -> Table:
    made = Table(
        title="Grants: a second; latency in ms; CPU-seconds for each 1,000 grants, by process",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for name in ("grant", "signed by", "surface"):
        made.add_column(name, no_wrap=True)
    for name in ("a second", "p50", "p99"):
        made.add_column(name, justify="right", no_wrap=True)
    for name in ("token", "postgres", "gateway", "beyond", "a core"):
        made.add_column(name, justify="right", no_wrap=True, style="cyan")
    return made


def _nobody(_: int) -> None:
    """Told of what is made where nobody asks."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=_DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="how long a measurement takes [3]")
    parser.add_argument("--chains", type=int, default=32, metavar="N", help="calls under way [32]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
