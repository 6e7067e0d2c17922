"""`python -m deploy.local`: what stands in its way is a line, and it leaves nothing running."""

import dataclasses
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.demo import Demo
from deploy.local.home import Home
from deploy.local.run import unread
from tests.support.stack import local_settings

ROOT = Path(__file__).parents[2]


def environment(home: Path) -> dict[str, str]:
    settings = local_settings(home)
    ports = {
        f"TESSERA_{name.upper()}": str(getattr(settings, name))
        for name in ("gateway_port", "app_port", "token_port", "account_port", "binding_port", "metrics_port")
    }
    return {**os.environ, **ports, "TESSERA_HOME": str(home)}


def begin(environ: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "deploy.local", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environ, stdout=pipe, stderr=pipe, text=True)


def refused(environ: dict[str, str], *arguments: str) -> tuple[int, list[str]]:
    """Run it to its end; answers its exit code and what it said on standard error, which is all it said."""
    with begin(environ, *arguments) as process:
        out, problems = process.communicate(timeout=60)
    assert out == ""
    return process.returncode, problems.splitlines()


def running(home: Path) -> list[psutil.Process]:
    """The processes of a stack: each one has its folder in its command line."""
    processes = psutil.process_iter(["cmdline"])
    return [each for each in processes if any(str(home) in argument for argument in each.info["cmdline"] or ())]


def until(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not met():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    environ = environment(tmp_path / "home")
    port = int(environ["TESSERA_BINDING_PORT"])
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert refused(environ) == (
            1,
            [f"cannot listen on 127.0.0.1:{port}: address already in use; TESSERA_BINDING_PORT moves it"],
        )


def test_a_folder_in_use_is_one_line(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with home.lock():
        code, problems = refused(environment(home.path))
    assert code == 1
    assert problems == [
        f"{home.path} is in use by process {os.getpid()}: stop that one, or set TESSERA_HOME to another folder"
    ]


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "home"
    assert refused(environment(place)) == (
        1,
        [f"cannot use {place}: Not a directory; TESSERA_HOME names another folder"],
    )


def test_wrong_settings_are_told_at_once(tmp_path: Path) -> None:
    environ = {**environment(tmp_path), "TESSERA_WORKERS": "0", "TESSERA_TOKEN_PORT": "many"}
    assert refused(environ) == (
        2,
        ["TESSERA_TOKEN_PORT: 'many' is not a whole number", "TESSERA_WORKERS: '0' is not 1 or more"],
    )


def test_a_misspelt_setting_is_told() -> None:
    environ = {"TESSERA_GATEWAY_PORTS": "1", "TESSERA_GATEWAY_PORT": "1", "TESSERA_DSN_FILE": "x", "HOME": "y"}
    assert list(unread(environ)) == ["TESSERA_GATEWAY_PORTS is no setting, and does nothing: TESSERA_GATEWAY_PORT?"]
    assert list(unread({"TESSERA_X": "1"})) == ["TESSERA_X is no setting, and does nothing"]


def test_a_demo_that_is_damaged_is_told_before_anything_starts(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.postgres.mkdir()
    home.demo.touch()
    assert refused(environment(home.path)) == (
        1,
        [f"{home.demo} is damaged; without it, the next start makes another demo"],
    )


@pytest.mark.parametrize("bind", ["localhost", "::1", "127.0.0"])
def test_what_is_no_ipv4_address_is_told_before_anything_starts(tmp_path: Path, bind: str) -> None:
    environ = {**environment(tmp_path), "TESSERA_BIND": bind}
    assert refused(environ) == (2, [f"TESSERA_BIND: {bind!r} is not an IPv4 address"])


@pytest.mark.parametrize("command", ["assertion", "refresh-token", "access-token"])
def test_without_a_demo_its_commands_are_one_line(tmp_path: Path, command: str) -> None:
    code, problems = refused(environment(tmp_path), command)
    assert code == 1
    assert problems == [f"{tmp_path}/demo.json is not there: `make run` writes it when the stack is ready"]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """What is started hears SIGINT, also where tests run behind a shell's `&`, which has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_while_a_command_waits_for_an_answer_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        demo = {field.name: "" for field in dataclasses.fields(Demo)}
        Demo(**demo | {"gateway": f"http://127.0.0.1:{silent.getsockname()[1]}"}).write(tmp_path / "demo.json")
        with begin(environment(tmp_path), "access-token") as process:
            asked, _ = silent.accept()
            process.send_signal(signal.SIGINT)
            out, problems = process.communicate(timeout=60)
            asked.close()
    assert (process.returncode, out, problems) == (130, "", "")


def test_the_folder_of_a_command_line_comes_before_the_environment_s(tmp_path: Path) -> None:
    environ = environment(tmp_path / "other")
    for arguments in (["assertion", "--home", str(tmp_path)], ["--home", str(tmp_path), "assertion"]):
        _, problems = refused(environ, *arguments)
        assert problems[0].startswith(f"{tmp_path}/demo.json ")


def test_help_names_every_setting() -> None:
    with begin(dict(os.environ), "--help") as process:
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    listed = [line for line in out.splitlines() if line.startswith("  TESSERA_")]
    assert any("TESSERA_GATEWAY_PORT" in line for line in listed)
    assert len({re.match(r"  \S+ +", line).end() for line in listed}) == 1  # type: ignore[union-attr]  # one column
    assert "refresh-token" in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_starts_stops_everything(tmp_path: Path, number: signal.Signals) -> None:
    home = tmp_path / "home"
    with begin(environment(home)) as process:
        until((home / "postgres.new").exists)
        process.send_signal(number)
        _, problems = process.communicate(timeout=60)
    assert (process.returncode, problems) == (0, "")
    assert running(home) == []


def test_nothing_outlives_a_kill(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with begin(environment(home)) as process:
        until((home / "postgres" / "postmaster.pid").exists)
        process.kill()
        process.communicate(timeout=60)
    until(lambda: not running(home))
    with Home(home).lock():
        pass
