"""The command line of a service: `serve`, `migrate`, and its own commands.

A command's modules are found by their names in the service's package, and loaded when it is given: a migration, for
one, needs next to nothing of a service and does not wait for all of it. `config` has the settings, `wiring` puts the
service together, and a module named as a further command has what that does.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Any

from services.runtime.env import SettingsError, load
from services.runtime.settings import DatabaseSettings, ServerSettings
from services.runtime.supervisor import Process, Supervisor

_FILES = ("TESSERA_LISTEN_FILE", "TESSERA_HEALTH_LISTEN_FILE", "TESSERA_METRICS_LISTEN_FILE")


def run(service: str, settings: str, commands: Mapping[str, str] | None = None) -> None:
    """Do what the command line says. Does not return.

    Args:
        service: its name, which is also its schema's and its package's.
        settings: name of its settings' class.
        commands: further commands, by name, and what each does, for `--help`. Its module has `declare`, which adds its
            arguments to a parser, and a function of its name, which is given the service's settings and the arguments
            and answers the exit code.
    """
    # For tracebacks in colour and a command line that nobody asks for, structlog and httpx load it wherever it is, as
    # among the checkers: it makes a start take a fifth longer.
    sys.modules["rich"] = None  # type: ignore[assignment]
    further = commands or {}
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{service}",
        description=f"The {service} service. Settings come from TESSERA_*, see docs/settings.md.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    verbs.add_parser("serve", help="serve gRPC until SIGTERM")
    verbs.add_parser("migrate", help="bring the database schema up to date; safe to run from several places at once")
    for name, meaning in further.items():
        # Its arguments, `--help` among them, are its module's to read.
        verbs.add_parser(name, help=meaning, add_help=False)
    arguments, rest = parser.parse_known_args()
    if rest and arguments.verb not in further:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        if arguments.verb == "migrate":
            sys.exit(_migrate(service))
        if arguments.verb == "serve":
            sys.exit(_serve(service, _settings(service, settings)))
        sys.exit(_further(service, settings, arguments.verb, further[arguments.verb], rest))
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        sys.exit(2)


def _settings(service: str, name: str) -> ServerSettings:
    settings_class: type[ServerSettings] = getattr(import_module(f"services.{service}.config"), name)
    return load(settings_class, os.environ)


def _migrate(service: str) -> int:
    from services.runtime import migrations
    from services.runtime.errors import Unavailable

    settings = load(DatabaseSettings, os.environ)
    dsn = settings.direct_dsn or settings.dsn
    try:
        asyncio.run(migrations.migrate(dsn, service, migrations.folder_of(service)))
    except (Unavailable, migrations.MigrationError) as error:
        print(f"{service}: migration failed: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(service: str, settings: ServerSettings) -> int:
    if len(settings.listen) > 1:
        return asyncio.run(_supervise(service, settings))
    from services.runtime import server

    return server.serve(service, settings, import_module(f"services.{service}.wiring").wire)


def _further(service: str, settings_name: str, verb: str, meaning: str, rest: Sequence[str]) -> int:
    module = import_module(f"services.{service}.{verb}")
    parser = argparse.ArgumentParser(prog=f"python -m services.{service} {verb}", description=meaning)
    module.declare(parser)
    arguments = parser.parse_args(rest)
    settings = _settings(service, settings_name)
    from services.runtime import telemetry

    # What a command answers goes to standard output, and nothing else.
    telemetry.set_up_logging("warning", settings.log_format, sys.stderr, service=service)
    answer: Any = getattr(module, verb)(settings, arguments)
    return int(answer)


async def _supervise(service: str, settings: ServerSettings) -> int:
    """One child process a worker, each on its own address."""
    from services.runtime.telemetry import Unfailing

    metrics = settings.metrics_listen or ()
    argv = (sys.executable, "-m", f"services.{service}", "serve")
    workers = []
    for number, address in enumerate(settings.listen):
        # In place of what made this process a supervisor, in either form.
        environ = {name: value for name, value in os.environ.items() if name not in _FILES}
        environ["TESSERA_LISTEN"] = str(address)
        # Who shares something out over all workers has to know how many there are; on several hosts it is set.
        environ.setdefault("TESSERA_WORKERS", str(len(settings.listen)))
        if metrics:
            environ["TESSERA_METRICS_LISTEN"] = str(metrics[number])
        if settings.health_listen:
            environ["TESSERA_HEALTH_LISTEN"] = str(settings.health_listen[number])
        # A worker ends by itself when it has drained.
        grace = settings.lame_duck + settings.drain + timedelta(seconds=5)
        workers.append(Process(name=f"{service}-{number}", argv=argv, env=environ, grace=grace))
    lines = Unfailing(sys.stdout)

    def tell(_: str, line: str) -> None:
        lines.write(f"{line}\n")
        lines.flush()

    status: int = await Supervisor(tell).run(workers)
    return status
