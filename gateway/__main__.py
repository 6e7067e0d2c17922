"""`python -m gateway`: serve, drain, render Envoy's configuration, or have Envoy check it."""

import argparse
import os
import sys
from pathlib import Path

from gateway import envoy
from gateway.config import DrainSettings, GatewaySettings, ServeSettings
from gateway.render import render
from services.runtime.env import SettingsError, load
from services.runtime.files import write_private


def main(arguments: list[str] | None = None) -> int:
    """Run a command; answers the exit status: 2 for wrong settings, with a line on standard error for each."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "serve":
            settings = load(ServeSettings, os.environ)
            envoy.become(render(settings), settings)
        elif options.command == "drain":
            envoy.drain(load(DrainSettings, os.environ))
        elif options.command == "validate":
            defaults = GatewaySettings(gateway_client_id="validate", gateway_client_secret="validate")  # noqa: S106 none
            return envoy.check(render(defaults))
        else:
            _render(options.output)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway",
        description="Tessera's gateway (Envoy). Settings come from TESSERA_*, see docs/settings.md.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser(
        "serve",
        help="serve until SIGTERM",
        description="Render the configuration into TESSERA_GATEWAY_CONFIGURATION and become Envoy. SIGTERM ends it at "
        "once, calls under way included: `drain` comes before it where no call may be cut.",
    )
    commands.add_parser(
        "drain",
        help="take a running gateway out of service; returns when it may be ended",
        description="Have /ready answer 503 while calls are served still, wait TESSERA_GATEWAY_LAME_DUCK seconds, and "
        "then, up to TESSERA_GATEWAY_DRAIN seconds, for calls under way.",
    )
    rendering = commands.add_parser(
        "render",
        help="render envoy.yaml from TESSERA_*",
        description="Render Envoy's configuration from the TESSERA_* variables. It holds the gateway's secret: "
        "a file is written with mode 0600, standard output is yours to guard.",
    )
    rendering.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where to write (default: standard output)"
    )
    commands.add_parser(
        "validate",
        help="have Envoy check the configuration",
        description="Render with default settings into a temporary folder and run `envoy --mode validate` on it.",
    )
    return parser


def _render(output: Path | None) -> None:
    text = render(load(GatewaySettings, os.environ))
    if output is None:
        print(text, end="")
    else:
        write_private(output, text)


if __name__ == "__main__":
    sys.exit(main())
