"""What a grant costs: `make bench-token`."""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from tests.bench import client, rotating, signing, tables
from tests.bench.driving import Driving
from tests.bench.stacks import Running
from tests.load import minting

_SURFACES = ("grpc", "rest")
_RPC, _PATH = "tessera.token.v1.TokenService.Token", "/v2/oauth/token"
# More than any machine answers in a second.
_ASSERTIONS_PER_SECOND = 2_500
_TOGETHER = 16


@dataclass(frozen=True)
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


class Grants:
    """Each grant, over gRPC and through the gateway, beside its signature and its statement alone."""

    about = "what a grant costs, by process, beside its signature alone"
    description = """\
Drives grants as fast as they are answered, over gRPC and through the gateway, and prints what each costs: CPU-seconds
for each 1,000 grants, by process, beside what signing alone and the statement alone cost on this machine.

It starts a stack of its own in a temporary folder and on free ports; one that `make run` keeps is not touched. The
client's CPU is not counted, though it takes its part of the machine. "a core" is what one core can do of it a second,
service and Postgres together; "beyond" is what a grant costs them beside its signature.
"""
    postgres_settings = ""

    def __init__(self, _arguments: argparse.Namespace) -> None:
        self._table = tables.made(
            "Grants: a second; latency in ms; CPU-seconds for each 1,000 grants, by process",
            ("grant", "signed by", "surface"),
            ("a second", "p50", "p99"),
            ("token", "postgres", "gateway", "beyond", "a core"),
        )

    @staticmethod
    def declare(_parser: argparse.ArgumentParser) -> None:
        """It takes no arguments of its own."""

    def check(self, _folder: Path) -> None:
        """It needs nothing."""

    def tables(self) -> Iterable[Table]:
        """The one table."""
        return (self._table,)

    async def measure(self, running: Running) -> None:
        """Measure everything, a row each."""
        table, driving, mint = self._table, running.driving, running.mint
        signature = {name: signing.seconds_per_signature(name) * 1000 for name in signing.ALGORITHMS}
        for name, spent in signature.items():
            a_core = f"{1000 / spent:.0f}"
            table.add_row("signature alone", name, "", a_core, "", "", f"{spent:.3f}", "", "", "", a_core)
        table.add_section()
        for tokens in (1, _TOGETHER):
            done = await rotating.rotate(running.dsn("token"), running.folder, tokens=tokens, seconds=driving.seconds)
            name = "statement alone" if tokens == 1 else f"statement, {tokens} tokens"
            table.add_row(name, "", "pgbench", f"{done.per_second:.0f}", "", "", "", f"{done.cpu_per_1000:.3f}")
        shown = running.progress.add_task("grants", total=len(_SCENARIOS) * len(_SURFACES))
        signs_by = "RS256"
        for scenario in _SCENARIOS:
            if scenario.algorithm != signs_by:
                signs_by = scenario.algorithm
                await mint.sign_by(signs_by)
            for surface in _SURFACES:
                table.add_row(*await _row(driving, mint, scenario, surface, signature[scenario.algorithm]))
                running.progress.advance(shown)
            table.add_section()


async def _row(driving: Driving, mint: minting.Mint, scenario: Scenario, surface: str, signature: float) -> list[str]:
    async def task(seconds: float) -> client.Task:
        calls = round(seconds * _ASSERTIONS_PER_SECOND) if scenario.grant == _ASSERTION else driving.chains
        made = [_parameters(scenario.grant, values) for values in await mint.make(scenario.needs, calls, _nobody)]
        return client.Task(
            address=driving.address("token" if surface == "grpc" else "gateway"),
            rpc=_RPC,
            path="" if surface == "grpc" else _PATH,
            authorization="",
            seconds=seconds,
            again=scenario.grant != _ASSERTION,
            chains=driving.spread(made),
        )

    done = await driving.measure(f"{scenario.grant} by {surface}", task)
    token, postgres = done.cpu["token"], done.cpu["postgres"]
    return [
        scenario.grant,
        scenario.algorithm,
        surface,
        f"{done.per_second:.0f}",
        f"{done.p50:.1f}",
        f"{done.p99:.1f}",
        f"{token:.3f}",
        f"{postgres:.3f}",
        f"{done.cpu['gateway']:.3f}" if surface == "rest" else "",
        f"{token + postgres - signature:.3f}",
        f"{1000 / (token + postgres):.0f}",
    ]


def _parameters(grant: str, values: minting.Values) -> client.Parameters:
    if grant == _SECRET:
        return {
            "grant_type": grant,
            "client_id": values["web_client_id"],
            "client_secret": values["web_client_secret"],
        }
    spent = "refresh_token" if grant == _REFRESH else "assertion"
    grant_type = grant if grant == _REFRESH else "urn:ietf:params:oauth:grant-type:jwt-bearer"
    return {"grant_type": grant_type, "client_id": values["jwt_client_id"], spent: values[spent]}


def _nobody(_: int) -> None:
    """Told of what is made where nobody asks."""
