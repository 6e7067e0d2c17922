"""`python -m gateway serve` and `drain`: one process that is Envoy, and no call cut at its end."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.ports import free_ports

ROOT = Path(__file__).parents[2]


def environment(folder: Path) -> dict[str, str]:
    port, away = free_ports(2)
    return {
        "PATH": os.environ["PATH"],
        "TESSERA_GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "TESSERA_GATEWAY_CONFIGURATION": str(folder / "envoy.yaml"),
        "TESSERA_GATEWAY_ADMIN_SOCKET": str(folder / "admin.sock"),
        "TESSERA_GATEWAY_CLIENT_ID": "gateway",
        "TESSERA_GATEWAY_CLIENT_SECRET": "only-the-gateway-knows",
        "TESSERA_GATEWAY_LAME_DUCK": "1",
        **{f"TESSERA_{name}_ADDRESS": f"127.0.0.1:{away}" for name in ("TOKEN", "ACCOUNT", "BINDING")},
    }


def command(environ: dict[str, str], verb: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-m", "gateway", verb]
    return subprocess.Popen(argv, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path)


@pytest.fixture
def gateway(environ: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    with command(environ, "serve") as process:
        try:
            until_it_lives(environ, process)
            yield process
        finally:
            process.kill()


def until_it_lives(environ: dict[str, str], process: "subprocess.Popen[str]") -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"http://{environ['TESSERA_GATEWAY_LISTEN']}/healthz", trust_env=False).raise_for_status()
        except httpx.TransportError:
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_it_is_envoy_itself_and_ends_when_asked(
    environ: dict[str, str], gateway: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    assert psutil.Process(gateway.pid).name() == "envoy"
    assert (tmp_path / "envoy.yaml").stat().st_mode & 0o777 == 0o600
    assert environ["TESSERA_GATEWAY_CLIENT_SECRET"] not in "".join(psutil.Process(gateway.pid).cmdline())
    gateway.terminate()
    assert gateway.wait(timeout=10) == 0


def test_draining_waits_for_a_call_under_way(environ: dict[str, str], gateway: "subprocess.Popen[str]") -> None:
    host, _, port = environ["TESSERA_GATEWAY_LISTEN"].partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as slow, slow.makefile("rb") as answer:
        slow.sendall(b"POST /v2/oauth/token HTTP/1.1\r\nhost: t\r\ncontent-length: 7\r\n\r\nclie")
        with command(environ, "drain") as draining:
            # Past the lame duck: nothing but the call holds it up.
            with pytest.raises(subprocess.TimeoutExpired):
                draining.wait(timeout=4)
            # The body's end: the call is answered, and its connection closed behind it.
            slow.sendall(b"nt=")
            head = answer.read().lower()
            assert head.startswith(b"http/1.1 503 ")
            assert b"\r\nconnection: close\r\n" in head
            assert draining.wait(timeout=20) == 0
    assert gateway.poll() is None
    assert httpx.get(f"http://{host}:{port}/healthz", trust_env=False).status_code == 200


def test_draining_without_a_gateway_is_one_line(environ: dict[str, str]) -> None:
    with command(environ, "drain") as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "no Envoy answers behind" in said
    assert said.count("\n") == 1


def test_a_setting_that_is_missing_is_one_line(environ: dict[str, str]) -> None:
    del environ["TESSERA_GATEWAY_CONFIGURATION"]
    with command(environ, "serve") as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 2
    assert said.startswith("TESSERA_GATEWAY_CONFIGURATION is not set")
    assert said.count("\n") == 1
