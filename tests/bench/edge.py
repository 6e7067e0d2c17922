"""What a credential costs that token exchanges for the gateway: `make bench-edge`."""

import argparse
import asyncio
import base64
import statistics
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import grpc
from rich.table import Table
from tessera.edge import external_auth_pb2 as auth_pb2
from tessera.edge import external_auth_pb2_grpc as auth_pb2_grpc

from services.token.identities import Identities
from tests.bench import constant, signed, tables
from tests.bench.driving import BESIDE, Driving, Measured
from tests.bench.sending import Sending
from tests.bench.signed import BEARER, CALLS, Call, Credentials
from tests.bench.stacks import Running
from tests.load import cpu

_T = TypeVar("_T")

_HOST = "gateway.example.com"
# More than any machine answers in a second: through the gateway, and of Checks.
_MOST_PER_SECOND, _MOST_CHECKS_PER_SECOND = 1_500, 3_000
_GATEWAY, _CHECK = "gateway", "check"
_IDLE_SECONDS = 2.0
# What the table shows, and the kinds of processes that it stands for.
_PROCESSES = {
    "gateway": ("gateway",),
    "token": ("token",),
    "service": ("account", "binding"),
    "postgres": ("postgres",),
}
# What a Check may cost beyond a constant, in microseconds: without Postgres, and with one round trip.
_LIMITS = {"Basic": 100}
_LIMIT_SIGNED = 250


@dataclass(frozen=True)
class _ThroughGateway:
    """What a call came to by one scheme: one at a time, and with many under way."""

    alone: Measured
    together: Measured


@dataclass(frozen=True)
class _Checked:
    """What Check came to for one scheme, and a constant to the same requests."""

    check: Measured
    constant: Measured
    idle: float

    @property
    def own(self) -> float:
        """Microseconds of CPU of token for a Check, without what it does when nobody calls."""
        return self.check.cpu["token"] * 1000 - self.idle * self.check.seconds * 1000

    @property
    def empty(self) -> float:
        """The same of who answers a constant."""
        return self.constant.cpu[BESIDE] * 1000


class Edge:
    """Each scheme through the gateway beside an access token, and its Check beside a constant."""

    about = "what each scheme of the edge adds to a call, and its Check alone beside a constant"
    description = """\
Makes a cheap call of each surface through the gateway, by each scheme that the surface takes and by an access token,
which goes past token, in turn; and prints what a scheme adds: to p50 and p99, with one call at a time; and to the CPU
of each process, with --chains calls under way: CPU-seconds for each 1,000 requests. "added" is of the same round.

Then it asks token alone, over gRPC with the gateway's identity, as the gateway does. "constant" is a server of
grpc.aio that answers the same requests by one response, of the same size and in a process of its own; "beyond" is what
Check costs beside that: microseconds of CPU of a server's process for a call. What token does when nobody calls is
taken off.

Every request is signed beforehand, with a nonce of its own. It starts a stack of its own in a temporary folder and on
free ports; one that `make run` keeps is not touched. Each figure is the median of the rounds.
"""
    postgres_settings = ""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._rounds: int = arguments.rounds
        self._only: str = arguments.only
        self._through: dict[tuple[str, str], list[_ThroughGateway]] = {}
        self._checked: dict[tuple[str, str], list[_Checked]] = {}

    @staticmethod
    def declare(parser: argparse.ArgumentParser) -> None:
        """Rounds, and which half."""
        parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is measured [3]")
        parser.add_argument("--only", choices=(_GATEWAY, _CHECK), default="", help="one half of it [both]")

    def check(self, _folder: Path) -> None:
        """It needs nothing."""

    async def measure(self, running: Running) -> None:
        """Measure everything, in turn."""
        credentials = await _credentials(running)
        schemes = sum(len(call.schemes) for call in CALLS)
        parts = {_CHECK: schemes - len(CALLS), _GATEWAY: schemes}
        wanted = [self._only] if self._only else list(parts)
        shown = running.progress.add_task("measuring", total=self._rounds * sum(parts[part] for part in wanted))
        for _ in range(self._rounds):
            if _CHECK in wanted:
                await self._measure_checks(running, credentials, lambda: running.progress.advance(shown))
            if _GATEWAY in wanted:
                await self._measure_gateway(running, credentials, lambda: running.progress.advance(shown))

    async def _measure_gateway(self, running: Running, credentials: Credentials, advance: Callable[[], None]) -> None:
        driving = running.driving
        one = Driving(running.stack.layout, driving.seconds, chains=1)
        for call in CALLS:
            for scheme in call.schemes:
                name = f"{scheme} on {call.name}"
                alone, together = [
                    await each.measure(name, _requests(each, call, scheme, credentials)) for each in (one, driving)
                ]
                self._through.setdefault((call.name, scheme), []).append(_ThroughGateway(alone, together))
                advance()

    async def _measure_checks(self, running: Running, credentials: Credentials, advance: Callable[[], None]) -> None:
        driving = running.driving
        identities = Identities.read(running.stack.home.identities)
        authorization = signed.basic(identities.gateway_client_id, identities.gateway_client_secret)
        idle = await _idle()
        for call in CALLS:
            for scheme in call.schemes:
                if scheme == BEARER:
                    continue
                name = f"Check of {scheme} on {call.name}"
                asked = partial(_asked, call, scheme, credentials)
                token = driving.address("token")
                check = await driving.measure(name, _checks(asked, driving.chains, token, authorization))
                response = await _answered(token, authorization, asked())
                async with constant.running(response) as (address, process):
                    checks = _checks(asked, driving.chains, address, authorization)
                    empty = await driving.measure(name, checks, beside=process)
                self._checked.setdefault((call.name, scheme), []).append(_Checked(check, empty, idle))
                advance()

    def tables(self) -> Iterable[Table]:
        """One of the gateway, one of Check."""
        if self._through:
            yield self._gateway_table()
        if self._checked:
            yield self._check_table()

    def _gateway_table(self) -> Table:
        table = tables.made(
            "Through the gateway: latency in ms, one call at a time; CPU-seconds for each 1,000 requests, by process",
            ("call", "by"),
            ("p50", "added", "p99", "added", "a second"),
            (*_PROCESSES, "all", "added"),
        )
        for call in CALLS:
            plain = self._through.get((call.name, BEARER), [])
            for scheme in call.schemes:
                rounds = self._through.get((call.name, scheme), [])
                if rounds:
                    table.add_row(call.name, scheme, *_gateway_figures(rounds, None if scheme == BEARER else plain))
            table.add_section()
        return table

    def _check_table(self) -> Table:
        table = tables.made(
            "Check alone: microseconds of CPU of the server's process for each",
            ("call", "by"),
            ("a second", "p50 ms", "p99 ms"),
            ("Check", "constant", "beyond", "at most"),
        )
        for (call, scheme), rounds in self._checked.items():
            table.add_row(
                call,
                scheme,
                f"{_median(rounds, lambda each: each.check.per_second):.0f}",
                f"{_median(rounds, lambda each: each.check.p50):.1f}",
                f"{_median(rounds, lambda each: each.check.p99):.1f}",
                f"{_median(rounds, lambda each: each.own):.0f}",
                f"{_median(rounds, lambda each: each.empty):.0f}",
                f"{_median(rounds, lambda each: each.own - each.empty):.0f}",
                str(_LIMITS.get(scheme, _LIMIT_SIGNED)),
            )
        return table


def _gateway_figures(rounds: Sequence[_ThroughGateway], plain: Sequence[_ThroughGateway] | None) -> list[str]:
    def added(value: Callable[[_ThroughGateway], float], digits: int) -> str:
        if plain is None:
            return ""
        # Where a run was ended, a round may be short of one.
        pairs = zip(rounds, plain, strict=False)
        return f"{statistics.median(value(each) - value(beside) for each, beside in pairs):.{digits}f}"

    def together(each: _ThroughGateway) -> float:
        return sum(_cpu(each, kinds) for kinds in _PROCESSES.values())

    return [
        f"{_median(rounds, lambda each: each.alone.p50):.2f}",
        added(lambda each: each.alone.p50, 2),
        f"{_median(rounds, lambda each: each.alone.p99):.2f}",
        added(lambda each: each.alone.p99, 2),
        f"{_median(rounds, lambda each: each.together.per_second):.0f}",
        *(f"{_median(rounds, lambda each, kinds=kinds: _cpu(each, kinds)):.3f}" for kinds in _PROCESSES.values()),
        f"{_median(rounds, together):.3f}",
        added(together, 3),
    ]


def _cpu(each: _ThroughGateway, kinds: Sequence[str]) -> float:
    return sum(each.together.cpu[kind] for kind in kinds)


def _median(rounds: Sequence[_T], value: Callable[[_T], float]) -> float:
    return statistics.median(map(value, rounds))


def _requests(
    driving: Driving, call: Call, scheme: str, credentials: Credentials
) -> Callable[[float], Awaitable[Sending]]:
    host = driving.address("gateway")

    async def sending(seconds: float) -> Sending:
        calls = round(seconds * _MOST_PER_SECOND)
        return Sending(
            address=host,
            authorization="",
            seconds=seconds,
            chains=signed.prepared(lambda: call.schemes[scheme](credentials, host).sent(host), calls, driving.chains),
        )

    return sending


def _checks(
    asked: Callable[[], bytes], chains: int, address: str, authorization: str
) -> Callable[[float], Awaitable[Sending]]:
    async def sending(seconds: float) -> Sending:
        calls = round(seconds * _MOST_CHECKS_PER_SECOND)
        return Sending(address, authorization, seconds, signed.prepared(asked, calls, chains))

    return sending


def _asked(call: Call, scheme: str, credentials: Credentials) -> bytes:
    return call.schemes[scheme](credentials, _HOST).asked(_HOST, call.surface, call.audience)


async def _answered(address: str, authorization: str, asked: bytes) -> auth_pb2.CheckResponse:
    """What token answers to a CheckRequest."""
    request = auth_pb2.CheckRequest.FromString(asked)
    async with grpc.aio.insecure_channel(address) as channel:
        stub = auth_pb2_grpc.AuthorizationStub(channel)
        return await stub.Check(request, metadata=(("authorization", authorization),))


async def _credentials(running: Running) -> Credentials:
    mint = running.mint
    (known,) = await mint.make((), 1, _nobody)
    pair = base64.b64decode((await mint.authorization("push_basic")).removeprefix("Basic ")).decode()
    access_id, _, secret_key = pair.partition(":")
    return Credentials(
        key=await mint.make_access_key(),
        push=(access_id, secret_key),
        server=await mint.authorization("server"),
        push_token=await mint.authorization("push"),
        identity=known["known_identity"],
        open_account=known["identity_id"],
        account=known["known_account"],
    )


async def _idle() -> float:
    """CPU-seconds a second of token when nobody calls."""
    before = cpu.read()
    await asyncio.sleep(_IDLE_SECONDS)
    return cpu.since(before)["token"] / _IDLE_SECONDS


def _nobody(_: int) -> None:
    """Told of what is made where nobody asks."""
