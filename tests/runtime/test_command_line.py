"""A service's command line: what each command takes, and what it loads."""

import subprocess
import sys

import pytest

SERVICES = ("token", "account", "binding")
# Nobody is there.
DSN = {"TESSERA_DSN": "postgresql://nobody@127.0.0.1:1/nothing"}


def said(*arguments: str, options: tuple[str, ...] = (), **environ: str) -> tuple[int, str]:
    """Exit code and standard error of a command."""
    command = [sys.executable, *options, "-m", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stderr


@pytest.mark.parametrize("service", SERVICES)
def test_a_migration_loads_neither_the_service_nor_what_its_checkers_have(service: str) -> None:
    code, told = said(f"services.{service}", "migrate", options=("-X", "importtime"), **DSN)
    assert code == 1
    assert f"{service}: migration failed: UNAVAILABLE" in told
    loaded = {line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")}
    assert "services.runtime.migrations" in loaded
    assert not loaded & {f"services.{service}.wiring", f"services.{service}.config", "services.runtime.server"}
    assert not [name for name in loaded if name.startswith("rich.")]


@pytest.mark.parametrize("arguments", [("migrate", "now"), ("serve", "--port", "1"), (), ("start",)])
def test_what_is_no_command_is_one_line_and_its_use(arguments: tuple[str, ...]) -> None:
    code, told = said("services.token", *arguments, **DSN)
    assert code == 2
    assert told.splitlines()[0].startswith("usage: python -m services.token ")
    assert "Traceback" not in told


def test_a_command_of_its_own_says_what_it_takes() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.token", "bootstrap", "--help"], capture_output=True, text=True, check=True
    )
    assert "--secrets-dir DIR" in done.stdout
    assert "the first domain" in done.stdout
