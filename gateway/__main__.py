"""`python -m gateway`: serve, render Envoy's configuration, or have Envoy check it."""

import argparse
import asyncio
import dataclasses
import os
import sys
from pathlib import Path

from gateway import envoy, supervisor
from gateway.config import GatewaySettings
from gateway.render import render, write
from services.runtime.env import Address, SettingsError, load


def main(arguments: list[str] | None = None) -> int:
    """Run a command; answers the exit status: 2 for wrong settings, with a line on standard error for each."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "serve":
            return asyncio.run(supervisor.serve(os.environ))
        if options.command == "validate":
            return _validate()
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
        description="Run Envoy on what the settings say. On SIGTERM, /ready answers 503 while calls are served still; "
        "TESSERA_GATEWAY_LAME_DUCK seconds later it waits for calls under way, up to TESSERA_GATEWAY_DRAIN seconds, "
        "and ends. On SIGHUP another Envoy takes over, on settings and files as they are then.",
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
        description="Render with default settings, and with everything on that they leave off, into a temporary "
        "folder, and run `envoy --mode validate` on both.",
    )
    return parser


def _validate() -> int:
    least = GatewaySettings(gateway_client_id="validate", gateway_client_secret="validate")  # noqa: S106 none
    everything = dataclasses.replace(
        least,
        # Envoy looks for none of these yet.
        gateway_tls=Path("tls"),
        tls=Path("inside"),
        gateway_admin_socket=Path("admin.sock"),
        gateway_rate_limit_address=Address("rate-limit", 8081),
        gateway_cors_origins=("https://app.example.com", "http://localhost:3000"),
    )
    return envoy.check(least) or envoy.check(everything)


def _render(output: Path | None) -> None:
    settings = load(GatewaySettings, os.environ)
    if output is None:
        print(render(settings, Path()), end="")
    else:
        write(settings, output)


if __name__ == "__main__":
    sys.exit(main())
