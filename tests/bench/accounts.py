"""What linking an identity and finding it costs, among few identities and among many: `make bench-account`."""

import argparse
import random
import statistics
import sys
import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from deploy.local.programs import DEFAULT_DOMAIN
from services.runtime.sql import load_queries
from tests.bench import client, identities, pgbench, tables
from tests.bench.driving import Measured
from tests.bench.stacks import Running

_STORE = Path(__file__).parents[2] / "services" / "account" / "store"
_LINKS, _OPEN_ACCOUNTS = load_queries(_STORE / "links.sql"), load_queries(_STORE / "open_accounts.sql")
_LINK_LISTS = load_queries(_STORE / "link_lists.sql")
_SERVICE = "tessera.account.v1.AccountService"
# More than any machine answers in a second.
_MOST_PER_SECOND = 2_500
_PROCESSES = ("account", "token", "postgres")
_BATCH = 1_000
# Picks identities; never the same ones again, which a cache would have.
_CHANCE = random.Random(5)


@dataclass(frozen=True)
class Scenario:
    """A call, and the statement that does its work.

    Args:
        name: for the table.
        rpc: its full name.
        parameters: makes the parameters of so many calls among so many identities.
        again: whether these may be used again.
        script: the statement, for pgbench.
    """

    name: str
    rpc: str
    parameters: Callable[[Running, int, int], Awaitable[list[client.Parameters]]]
    again: bool
    script: str


def _statement(text: str, *arguments: str) -> str:
    """A statement of the store with SQL in the place of its arguments, on an identity n that pgbench picks."""
    return "\\set n random(0, :size - 1)\n" + pgbench.statement(text, *arguments).replace("{n}", ":n")


def _some(
    make: Callable[[int], client.Parameters],
) -> Callable[[Running, int, int], Awaitable[list[client.Parameters]]]:
    """Parameters of calls about identities by chance."""

    async def parameters(_running: Running, size: int, calls: int) -> list[client.Parameters]:
        return [make(_CHANCE.randrange(size)) for _ in range(calls)]

    return parameters


async def _new_links(running: Running, _size: int, calls: int) -> list[client.Parameters]:
    made = await running.mint.make(("user_id",), calls, _nobody)
    return [{"user_id": each["user_id"], "type": "custom", "identity": uuid.uuid4().hex} for each in made]


async def _known_links(running: Running, _size: int, _calls: int) -> list[client.Parameters]:
    made = await running.mint.make(("linked_user_id", "linked_identity"), 4 * running.driving.chains, _nobody)
    return [{"user_id": each["linked_user_id"], "type": "custom", "identity": each["linked_identity"]} for each in made]


async def _batches(running: Running, size: int, _calls: int) -> list[client.Parameters]:
    return [
        {
            "identities": [
                {"type": "custom", "identity": identities.identity(_CHANCE.randrange(size))} for _ in range(_BATCH)
            ]
        }
        for _ in range(4 * running.driving.chains)
    ]


_DOMAIN = f"'{DEFAULT_DOMAIN}'"
_EVENT = ("now()", "uuidv7()", "'bench'")
_SCENARIOS = (
    Scenario(
        "link a new one",
        f"{_SERVICE}.LinkAccount",
        _new_links,
        again=False,
        script=_statement(
            _LINKS["link_identity"],
            _DOMAIN,
            "'custom'",
            "uuidv7()::text",
            "'new'",
            "''",
            identities.USER,
            *_EVENT,
            "null",
        ),
    ),
    Scenario(
        "link it again",
        f"{_SERVICE}.LinkAccount",
        _known_links,
        again=True,
        script=_statement(_LINKS["select_link"], _DOMAIN, "'custom'", identities.IDENTITY),
    ),
    Scenario(
        "look up an identity",
        f"{_SERVICE}.GetLinkInfo",
        _some(lambda n: {"type": "custom", "identity": identities.identity(n)}),
        again=False,
        script=_statement(_LINKS["select_link"], _DOMAIN, "'custom'", identities.IDENTITY),
    ),
    Scenario(
        "look up a user",
        f"{_SERVICE}.GetLinkInfoByUserId",
        _some(lambda n: {"user_id": identities.user(n)}),
        again=False,
        script=_statement(_LINKS["select_links_of_user"], _DOMAIN, identities.USER),
    ),
    Scenario(
        "describe",
        "tessera.account.v1.OpenAccountService.DescribeOpenAccount",
        _some(lambda n: {"identity_id": identities.open_account(n)}),
        again=False,
        script=_statement(_OPEN_ACCOUNTS["select_open_account"], _DOMAIN, identities.OPEN_ACCOUNT),
    ),
    Scenario(
        f"look up {_BATCH:,} identities",
        "tessera.account.v1.LinkService.BatchGetLinks",
        _batches,
        again=True,
        # Each time others: n, n + 7919 and so on, around the end.
        script=_statement(
            _LINK_LISTS["select_links_of"],
            _DOMAIN,
            f"array_fill('custom'::text, array[{_BATCH}])",
            "array(select {} from generate_series(1, {}) i)".format(
                identities.IDENTITY.format(n="(({n}::bigint + i * 7919) % :size)"), _BATCH
            ),
        ),
    ),
)


@dataclass(frozen=True)
class _Round:
    """What one scenario came to among so many identities, and its statement alone beside it."""

    scenario: Scenario
    size: int
    call: Measured
    statement: pgbench.Done

    @property
    def cost(self) -> float:
        """CPU-seconds of all processes for each 1,000 calls."""
        return sum(self.call.cpu[process] for process in _PROCESSES)


class Accounts:
    """Linking and finding, among few identities and among many."""

    about = "what linking and finding an identity costs, by process, among few and among many"
    description = """\
Drives the account service's calls as fast as they are answered, over gRPC, among 10 thousand, 1 million and 10 million
identities and as many open accounts, and prints what each costs: CPU-seconds for each 1,000 calls, by process, beside
the same statement driven by pgbench. "times" is what it costs in relation to the smallest size, of the same round.

It starts a stack of its own in a temporary folder and on free ports; one that `make run` keeps is not touched. Postgres
makes the rows; that takes some minutes, and about 800 bytes each while it runs. All sizes stand beside each other and
are measured in turn, several times, and the median counts: so a machine that does other work meanwhile does it to all.
"""
    postgres_settings = ""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._sizes: Sequence[int] = arguments.sizes
        self._number_of_rounds: int = arguments.rounds
        self._rounds: list[_Round] = []

    @staticmethod
    def declare(parser: argparse.ArgumentParser) -> None:
        """Sizes and rounds."""
        parser.add_argument(
            "--sizes",
            type=_sizes,
            default=(10_000, 1_000_000, 10_000_000),
            metavar="N,N,…",
            help="how many identities, rising [10000,1000000,10000000]",
        )
        parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is measured [3]")

    def check(self, folder: Path) -> None:
        """See that there is room for the rows, and say how much they take."""
        print(identities.check_disk(folder, self._sizes), file=sys.stderr)

    async def measure(self, running: Running) -> None:
        """Fill, measure in turn, and take away what was filled."""
        filled = identities.Tables(running.dsn("account"), DEFAULT_DOMAIN)
        for size in self._sizes:
            shown = running.progress.add_task(f"making {size:,} identities", total=2 * size)
            await filled.fill(size, lambda rows, shown=shown: running.progress.advance(shown, rows))
        shown = running.progress.add_task(
            "measuring", total=self._number_of_rounds * len(self._sizes) * len(_SCENARIOS)
        )
        for _ in range(self._number_of_rounds):
            for size in self._sizes:
                await filled.use(size)
                for scenario in _SCENARIOS:
                    self._rounds.append(await _measure(running, scenario, size))
                    running.progress.advance(shown)
        await filled.drop(self._sizes)

    def tables(self) -> Iterable[Table]:
        """The one table."""
        table = tables.made(
            "Accounts: a second; latency in ms; CPU-seconds for each 1,000 calls, by process",
            ("call", "identities"),
            ("a second", "p50", "p99"),
            (*_PROCESSES, "together", "times", "statement alone", "times", "a second"),
        )
        for scenario in _SCENARIOS:
            of_smallest = self._of(scenario, self._sizes[0])
            for size in self._sizes:
                rounds = self._of(scenario, size)
                if rounds:
                    table.add_row(*_row(rounds, of_smallest))
            table.add_section()
        return (table,)

    def _of(self, scenario: Scenario, size: int) -> list[_Round]:
        return [each for each in self._rounds if each.scenario is scenario and each.size == size]


async def _measure(running: Running, scenario: Scenario, size: int) -> _Round:
    driving = running.driving

    async def task(seconds: float) -> client.Task:
        made = await scenario.parameters(running, size, round(seconds * _MOST_PER_SECOND))
        return client.Task(
            address=driving.address("account"),
            rpc=scenario.rpc,
            path="",
            authorization=await running.mint.authorization("server"),
            seconds=seconds,
            again=scenario.again,
            chains=driving.spread(made),
        )

    call = await driving.measure(scenario.name, task)
    statement = await pgbench.run(
        running.dsn("account"), running.folder, scenario.script, seconds=driving.seconds, variables={"size": size}
    )
    return _Round(scenario, size, call, statement)


def _row(rounds: Sequence[_Round], of_smallest: Sequence[_Round]) -> list[str]:
    def median(value: Callable[[_Round], float]) -> float:
        return statistics.median(map(value, rounds))

    def times(value: Callable[[_Round], float]) -> str:
        pairs = zip(rounds, of_smallest, strict=False)
        return f"{statistics.median(value(each) / value(smallest) for each, smallest in pairs):.2f}"

    return [
        rounds[0].scenario.name,
        f"{rounds[0].size:,}",
        f"{median(lambda each: each.call.per_second):.0f}",
        f"{median(lambda each: each.call.p50):.1f}",
        f"{median(lambda each: each.call.p99):.1f}",
        *(f"{median(lambda each, process=process: each.call.cpu[process]):.3f}" for process in _PROCESSES),
        f"{median(lambda each: each.cost):.3f}",
        times(lambda each: each.cost),
        f"{median(lambda each: each.statement.cpu_per_1000):.3f}",
        times(lambda each: each.statement.cpu_per_1000),
        f"{median(lambda each: each.statement.per_second):.0f}",
    ]


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(sorted({int(part) for part in text.split(",")}))
    if sizes[0] < 2:
        raise argparse.ArgumentTypeError(f"fewer than 2: {text}")
    return sizes


def _nobody(_: int) -> None:
    """Told of what is made where nobody asks."""
