"""`python -m deploy.local`: run the stack, or make what a call to it spends."""

import argparse
import dataclasses
import os
import sys
import time
from pathlib import Path

from deploy.local.config import LocalSettings
from deploy.local.demo import Demo
from deploy.local.errors import CannotRun
from deploy.local.home import Home
from services.runtime.env import PREFIX, SettingsError, load

_EPILOG = """\
Settings come from the environment:
{settings}
Every other TESSERA_* setting reaches the services as it stands. Exit codes: 0 stopped as asked,
1 something stands in the way (a line says what), 2 a setting is wrong, 130 Ctrl-C before anything was started.
"""


def main() -> int:
    """Do what the command line says; returns the exit code."""
    begun = time.monotonic()
    arguments = _parser().parse_args()
    try:
        environ = dict(os.environ)
        if "home" in arguments:
            environ["TESSERA_HOME"] = str(arguments.home)
        settings = load(LocalSettings, environ)
        if arguments.command == "run":
            # The other commands stand in curl lines and are to be quick.
            import asyncio

            from deploy.local.run import run

            asyncio.run(run(settings, environ, begun))
            return 0
        print(_made(arguments, settings))
    except SettingsError as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 2
    except CannotRun as error:
        print(*error.problems, sep="\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _made(arguments: argparse.Namespace, settings: LocalSettings) -> str:
    demo = Demo.read(settings.home / "demo.json")
    if arguments.command == "get":
        return str(getattr(demo, arguments.key))
    if arguments.command == "assertion":
        return demo.assertion()
    if arguments.command == "refresh-token":
        return demo.new_refresh_token()
    if arguments.operator:
        return demo.token_of(*Home(settings.home).operator())
    return demo.access_token(push=arguments.push)


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    # Left out where it is not given, or a command's would hide that before the command.
    common.add_argument(
        "--home", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="data folder: TESSERA_HOME, or .tessera"
    )
    parser = argparse.ArgumentParser(
        prog="python -m deploy.local",
        description="The whole of Tessera on this machine, without containers. Without a command: run.",
        epilog=_EPILOG.format(settings=_settings()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common],
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("run", parents=[common], help="start everything and keep it until Ctrl-C or SIGTERM")
    keys = [field.name for field in dataclasses.fields(Demo)]
    get = commands.add_parser("get", parents=[common], help="print an id or a credential of the demo")
    get.add_argument("key", choices=keys, metavar="KEY", help=", ".join(keys))
    commands.add_parser("assertion", parents=[common], help="print a signed assertion for the demo's user")
    commands.add_parser("refresh-token", parents=[common], help="start a session of the demo's user, print its token")
    access = commands.add_parser(
        "access-token", parents=[common], help="print an access token of the demo's web server"
    )
    instead = access.add_mutually_exclusive_group()
    instead.add_argument("--push", action="store_true", help="one for the demo's push app, as binding's RPCs take it")
    instead.add_argument(
        "--operator", action="store_true", help="one of the domain's operator, as the admin RPCs take it"
    )
    parser.set_defaults(command="run")
    return parser


def _settings() -> str:
    return "\n".join(
        f"  {PREFIX + field.name.upper():<25} {field.metadata['meaning']} [{field.default}]"
        for field in dataclasses.fields(LocalSettings)
    )


if __name__ == "__main__":
    sys.exit(main())
