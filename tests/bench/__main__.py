"""`python -m tests.bench`: what calls cost, in one run and one table."""

import argparse
import sys

from deploy.local.errors import CannotRun
from services.runtime import telemetry
from services.runtime.supervisor import ProcessFailed
from tests.bench import stacks
from tests.bench.accounts import Accounts
from tests.bench.bindings import Bindings
from tests.bench.edge import Edge
from tests.bench.grants import Grants

_BENCHES: dict[str, type[stacks.Bench]] = {"token": Grants, "account": Accounts, "binding": Bindings, "edge": Edge}


def main() -> int:
    """Do what the command line says; returns the exit code."""
    arguments = parser().parse_args()
    telemetry.set_up_logging("warning", "console", sys.stderr)
    try:
        bench = _BENCHES[arguments.bench](arguments)
        return stacks.run(bench, seconds=arguments.seconds, chains=arguments.chains)
    except CannotRun as error:
        print(*error.problems, sep="\n", file=sys.stderr)
    except (ProcessFailed, ValueError) as error:
        print(error, file=sys.stderr)
    return 1


def parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    made = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures what calls cost.")
    parsers = made.add_subparsers(dest="bench", required=True, metavar="BENCH")
    for name, bench in _BENCHES.items():
        own = parsers.add_parser(
            name,
            help=bench.about,
            description=bench.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        own.add_argument("--seconds", type=float, default=3.0, metavar="S", help="how long a measurement takes [3]")
        own.add_argument("--chains", type=int, default=32, metavar="N", help="calls under way [32]")
        bench.declare(own)
    return made


if __name__ == "__main__":
    sys.exit(main())
