"""What binding device tokens and finding them costs, among few and among many: `make bench-binding`."""

import argparse
import random
import statistics
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from services.runtime.sql import load_queries
from tests.bench import bound, client, pgbench, tables
from tests.bench.driving import Measured
from tests.bench.stacks import Running

_STORE = Path(__file__).parents[2] / "services" / "binding" / "store"
_CHANGES, _LOOKUPS = load_queries(_STORE / "changes.sql"), load_queries(_STORE / "lookups.sql")
_SERVICE = "tessera.binding.v1.BindingService"
_PROCESSES = ("binding", "postgres")
_BATCH = 20
# More than any machine answers in a second: of tokens, and of calls.
_MOST_TOKENS_PER_SECOND, _MOST_PER_SECOND = 20_000, 4_000
# Statements at a time that pgbench is tried with, to be driven with what it does most with.
_CLIENTS = (4, 8, 16)
_TRIED_SECONDS = 2
# Calls under way share no token and no account, but for those that are full: what waiting for each other costs is not
# the question here. The numbers that a call may take are those of its class.
_CLASSES = 32
# So many bindings that each class has as many accounts as a call needs, twice over.
_FEWEST = 2 * bound.CAP * _CLASSES
# Of 10 entries that bind, how many are of a new token; and how many of a known one that moves to another account.
_NEW, _MOVES = 2, 4
# Of so many entries that move or are new, one goes to an account that is full.
_TO_FULL = 100
_JUST_FILLED = "just filled"
# A table with token 0 alone, which is account 0's.
_ONE = 1
_NEW_TOKENS = (10**12, 10**18)
# Picks what calls are about; never the same again, which a cache would have.
_CHANCE = random.Random(5)


@dataclass(frozen=True)
class Scenario:
    """A call, and the statement that does its work.

    Args:
        name: for the table.
        items: tokens or accounts of a call.
        rpc: its name.
        parameters: of one call among so many bindings, of a class.
        script: the statement, for pgbench, given the push app.
        binds: whether it changes anything; else it fails where nothing is found.
    """

    name: str
    items: int
    rpc: str
    parameters: Callable[[int, int], client.Parameters]
    script: Callable[[int], str]
    binds: bool = False


def _bind(items: int) -> Scenario:
    """Operator 2 of so many entries."""

    def parameters(size: int, number: int) -> client.Parameters:
        persons, full = bound.persons(size), bound.full(size)
        picked = _CHANCE.sample(range(number, persons, _CLASSES), 2 * items)
        entries = []
        for held, other in zip(picked[:items], picked[items:], strict=True):
            kind = _CHANCE.randint(1, 10)
            if kind > _NEW + _MOVES:
                token, account = held, held
            else:
                token = _CHANCE.randint(*_NEW_TOKENS) if kind <= _NEW else held + persons
                account = persons + _CHANCE.randrange(full) if _CHANCE.randint(1, _TO_FULL) == 1 else other
            entries.append({"token": bound.token(token), "account_list": [{"account": bound.account(account)}]})
        return {"operator_type": 2, "token_accounts": entries}

    def script(access_id: int) -> str:
        # As above; entry and client are told from others by what remains of their numbers.
        each = _CLASSES * _BATCH
        picks = "".join(
            f"\\set p{n} {each} * random(0, :persons / {each} - 1) + {_CLASSES * n} + :client_id\n"
            f"\\set q{n} {each} * random(0, :persons / {each} - 1) + {_CLASSES * n} + :client_id\n"
            f"\\set k{n} random(1, 10)\n"
            f"\\set t{n} case when :k{n} > {_NEW + _MOVES} then :p{n} when :k{n} > {_NEW} then :p{n} + :persons"
            " else random({}, {}) end\n".format(*_NEW_TOKENS)
            + f"\\set a{n} case when :k{n} > {_NEW + _MOVES} then :p{n} when random(1, {_TO_FULL}) = 1"
            f" then :persons + random(0, :full - 1) else :q{n} end\n"
            for n in range(items)
        )
        rows = [f"array_fill({value}, array[{items}])" for value in ("1", "0")]
        tokens, accounts = (
            "array[" + ", ".join(name.format(n=f":{prefix}{n}") for n in range(items)) + "]"
            for name, prefix in ((bound.TOKEN, "t"), (bound.ACCOUNT, "a"))
        )
        statement = pgbench.statement(
            _CHANGES["apply"],
            *("true", "now()", f"array[{access_id}::bigint]", "array[uuidv7()]", "array['replace']"),
            *(f"array[{bound.CAP}]", rows[0], tokens, rows[1], accounts),
        )
        return picks + statement

    return Scenario(f"bind {items}", items, "BatchOperateAccounts", parameters, script, binds=True)


def _query_accounts() -> Scenario:
    def parameters(size: int, _number: int) -> client.Parameters:
        return {
            "operator_type": 1,
            "account_list": [{"account": bound.account(_CHANCE.randrange(bound.persons(size) or 1))}],
        }

    def script(access_id: int) -> str:
        accounts = f"array[{bound.ACCOUNT.format(n=':n')}]"
        arguments = (f"{access_id}::bigint", "array[0]", accounts, f"{2**63 - 1}", "100001")
        return "\\set n random(0, :persons - 1)\n" + pgbench.statement(_LOOKUPS["select_tokens"], *arguments)

    return Scenario("query by account", 1, "QueryAccounts", parameters, script)


def _query_tokens() -> Scenario:
    def parameters(size: int, _number: int) -> client.Parameters:
        return {"operator_type": 2, "token_list": [bound.token(_CHANCE.randrange(2 * bound.persons(size) or 1))]}

    def script(access_id: int) -> str:
        tokens = f"array[{bound.TOKEN.format(n=':n')}]"
        arguments = (f"{access_id}::bigint", tokens, "-1", "100001")
        return "\\set n random(0, 2 * :persons - 1)\n" + pgbench.statement(_LOOKUPS["select_accounts"], *arguments)

    return Scenario("query by token", 1, "QueryAccounts", parameters, script)


# Those that change nothing come first, and find what was filled.
_SCENARIOS = (_query_accounts(), _query_tokens(), _bind(1), _bind(_BATCH))


@dataclass(frozen=True)
class _Round:
    """What one scenario came to, by calls; and by the statement alone beside it, unless that was not driven."""

    call: Measured
    statement: pgbench.Done | None

    @property
    def cost(self) -> float:
        """CPU-seconds of service and Postgres for each 1,000 calls."""
        return sum(self.call.cpu[process] for process in _PROCESSES)


class Bindings:
    """Binding and finding, among few and among many."""

    about = "what binding device tokens and finding them costs, by process, among few and among many"
    description = """\
Drives the binding service's calls as fast as they are answered, over gRPC with a push app's access token, among 10
thousand, 1 million and 10 million bound tokens, and prints what each costs: CPU-seconds for each 1,000 tokens, by
process, beside the same statement on the same Postgres driven by pgbench, with as many clients as do most.

Binding is operator 2, cap 100: of 10 tokens 2 are new, 4 move to another account and 4 are bound again where they are;
one in a hundred of the first two goes to an account that is full, and its oldest is unbound. Postgres commits to disk,
and the feed is written. Calls under way share no token, and no account but the full ones.

  tokens/s   tokens, or accounts, bound or found a second; p50 and p99 are milliseconds of a call
  both       CPU of service and Postgres together; times: in relation to the smallest size, in the same round
  pgbench    the statement alone: tokens a second, by how many clients (-c), CPU of Postgres for each 1,000
  ratio      tokens/s of the calls in relation to pgbench's, in the same round

"just filled", measured once, is a table of the smallest size that was empty when the service's connections planned
their statements.

It starts a stack of its own in a temporary folder and on free ports; one that `make run` keeps is not touched. Postgres
makes the rows, which takes a minute or two and about 400 bytes each. All sizes stand beside each other and
are measured in turn, several times, and the median counts: so a machine that does other work meanwhile does it to all.
"""
    # As for a database of that size: it fits into memory, and pages are not logged whole again after each checkpoint.
    postgres_settings = "shared_buffers=3GB max_wal_size=16GB checkpoint_timeout=1h"

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._sizes: Sequence[int] = arguments.sizes
        self._number_of_rounds: int = arguments.rounds
        self._clients: dict[str, int] = {}
        self._rounds: dict[tuple[str, int | str], list[_Round]] = {}

    @staticmethod
    def declare(parser: argparse.ArgumentParser) -> None:
        """Sizes and rounds."""
        parser.add_argument(
            "--sizes",
            type=_sizes,
            default=(10_000, 1_000_000, 10_000_000),
            metavar="N,N,…",
            help="how many bound tokens, rising [10000,1000000,10000000]",
        )
        parser.add_argument("--rounds", type=int, default=3, metavar="N", help="how often each is measured [3]")

    def check(self, folder: Path) -> None:
        """See that there is room for the rows, and say how much they take."""
        print(bound.check_disk(folder, self._sizes), file=sys.stderr)

    async def measure(self, running: Running) -> None:
        """Fill, measure in turn, and take away what was filled."""
        progress, smallest = running.progress, self._sizes[0]
        filled = bound.Tables(running.dsn("binding"), running.mint.push_access_id)
        for size in self._sizes:
            shown = progress.add_task(f"making {size:,} bindings", total=size)
            await filled.fill(size, lambda rows, shown=shown: progress.advance(shown, rows))
        await filled.use(smallest)
        shown = progress.add_task("trying pgbench's clients", total=len(_SCENARIOS))
        for scenario in _SCENARIOS:
            self._clients[scenario.name] = await _best_clients(running, scenario, smallest)
            progress.advance(shown)
        total = (self._number_of_rounds * len(self._sizes) + 1) * len(_SCENARIOS)
        shown = progress.add_task("measuring", total=total)
        for _ in range(self._number_of_rounds):
            for size in self._sizes:
                await filled.use(size)
                for scenario in _SCENARIOS:
                    await self._measure(running, scenario, size, size)
                    progress.advance(shown)
        await self._measure_just_filled(running, filled, lambda: progress.advance(shown))
        await filled.drop(self._sizes)

    def tables(self) -> Iterable[Table]:
        """The one table."""
        table = tables.made(
            "Bindings: a second; latency in ms; CPU-seconds for each 1,000 tokens, by process",
            ("call", "bound"),
            ("calls/s", "tokens/s", "p50", "p99"),
            (*_PROCESSES, "both", "times", "pgbench", "-c", "postgres", "ratio"),
        )
        for scenario in _SCENARIOS:
            of_smallest = self._rounds.get((scenario.name, self._sizes[0]), [])
            for size in (*self._sizes, _JUST_FILLED):
                rounds = self._rounds.get((scenario.name, size), [])
                if rounds:
                    name = f"{size:,}" if isinstance(size, int) else size
                    clients = self._clients[scenario.name]
                    table.add_row(scenario.name, name, *_figures(scenario.items, rounds, of_smallest, clients))
            table.add_section()
        return (table,)

    async def _measure(self, running: Running, scenario: Scenario, name: int | str, size: int) -> None:
        call = await running.driving.measure(scenario.name, _task(running, scenario, size))
        statement = None
        if name == size:
            seconds, clients = running.driving.seconds, self._clients[scenario.name]
            statement = await _pgbench(running, scenario, size, seconds, clients)
        self._rounds.setdefault((scenario.name, name), []).append(_Round(call, statement))

    async def _measure_just_filled(self, running: Running, filled: bound.Tables, advance: Callable[[], None]) -> None:
        """Measure calls whose statements were planned while their table was empty."""
        size = self._sizes[0]
        await filled.use_empty()
        await filled.fill_used(_ONE)
        # Each connection keeps the sixth plan of a statement.
        for scenario in _SCENARIOS:
            asked = size if scenario.binds else _ONE
            await running.driving.warm_up(scenario.name, _task(running, scenario, asked))
        await filled.fill_used(size)
        for scenario in _SCENARIOS:
            await self._measure(running, scenario, _JUST_FILLED, size)
            advance()


def _task(running: Running, scenario: Scenario, size: int) -> Callable[[float], Awaitable[client.Task]]:
    driving = running.driving
    most = min(_MOST_PER_SECOND, _MOST_TOKENS_PER_SECOND // scenario.items)

    async def task(seconds: float) -> client.Task:
        # A chain has every so many of the calls, and is of one class.
        calls = round(seconds * most)
        made = [scenario.parameters(size, number % driving.chains % _CLASSES) for number in range(calls)]
        return client.Task(
            address=driving.address("binding"),
            rpc=f"{_SERVICE}.{scenario.rpc}",
            path="",
            authorization=await running.mint.authorization("push"),
            seconds=seconds,
            again=False,
            chains=driving.spread(made),
        )

    return task


async def _best_clients(running: Running, scenario: Scenario, size: int) -> int:
    """With how many clients pgbench does most."""
    done = {
        clients: (await _pgbench(running, scenario, size, _TRIED_SECONDS, clients)).per_second for clients in _CLIENTS
    }
    return max(done, key=lambda clients: done[clients])


async def _pgbench(running: Running, scenario: Scenario, size: int, seconds: float, clients: int) -> pgbench.Done:
    return await pgbench.run(
        running.dsn("binding"),
        running.folder,
        scenario.script(running.mint.push_access_id),
        seconds=seconds,
        variables={"persons": bound.persons(size), "full": bound.full(size)},
        clients=clients,
    )


def _figures(items: int, rounds: Sequence[_Round], of_smallest: Sequence[_Round], clients: int) -> list[str]:
    def median(value: Callable[[_Round], float]) -> float:
        return statistics.median(map(value, rounds))

    # Where there is only the last round, by the last one.
    pairs = zip(reversed(rounds), reversed(of_smallest), strict=False)
    made = [
        f"{median(lambda each: each.call.per_second):.0f}",
        f"{median(lambda each: each.call.per_second * items):.0f}",
        f"{median(lambda each: each.call.p50):.1f}",
        f"{median(lambda each: each.call.p99):.1f}",
        *(f"{median(lambda each, process=process: each.call.cpu[process] / items):.3f}" for process in _PROCESSES),
        f"{median(lambda each: each.cost / items):.3f}",
        f"{statistics.median(each.cost / smallest.cost for each, smallest in pairs):.2f}",
    ]
    beside = [(each.call, each.statement) for each in rounds if each.statement]
    if not beside:
        return made
    return [
        *made,
        f"{statistics.median(alone.per_second * items for _, alone in beside):.0f}",
        str(clients),
        f"{statistics.median(alone.cpu_per_1000 / items for _, alone in beside):.3f}",
        f"{statistics.median(call.per_second / alone.per_second for call, alone in beside):.2f}",
    ]


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(sorted({int(part) for part in text.split(",")}))
    if sizes[0] < _FEWEST:
        raise argparse.ArgumentTypeError(f"fewer than {_FEWEST}: {text}")
    return sizes
