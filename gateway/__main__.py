"""`python -m gateway`: render Envoy's configuration, or have Envoy check it."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gateway.config import GatewaySettings
from gateway.render import render
from services.runtime.env import SettingsError, load
from services.runtime.files import write_private


def main(arguments: list[str] | None = None) -> int:
    """Run a command; answers the exit status: 2 for wrong settings, with a line on standard error for each."""
    parser = argparse.ArgumentParser(
        prog="python -m gateway", description="Configuration of Tessera's gateway (Envoy)."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
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
    options = parser.parse_args(arguments)
    try:
        return _validate() if options.command == "validate" else _render(options.output)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


def _render(output: Path | None) -> int:
    text = render(load(GatewaySettings, os.environ))
    if output is None:
        print(text, end="")
    else:
        write_private(output, text)
    return 0


def _validate() -> int:
    # The Envoy beside this Python first: in the virtual environment it comes as a wheel.
    envoy = shutil.which("envoy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if envoy is None:
        print("envoy is not installed", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "envoy.yaml")
        settings = GatewaySettings(gateway_client_id="validate", gateway_client_secret="validate")  # noqa: S106 none
        write_private(file, render(settings))
        command = [envoy, "--mode", "validate", "--disable-hot-restart", "--log-level", "error", "-c", str(file)]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
