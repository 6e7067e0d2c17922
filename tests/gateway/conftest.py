"""A gateway by itself, and one before services that write down what they are told."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import grpc
import httpx
import pytest

from services.runtime.env import Address
from tests.gateway.writing import Written
from tests.support.gateways import Edge, running_edge, running_gateway, settings


@pytest.fixture(scope="package")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A gateway whose three services are away."""
    folder = tmp_path_factory.mktemp("gateway")
    # Bound and not listening: nobody else gets the port, and a connection is refused.
    with socket.socket() as away:
        away.bind(("127.0.0.1", 0))
        nobody = Address("127.0.0.1", away.getsockname()[1])
        with (
            running_gateway(folder, settings(folder, nobody)) as address,
            httpx.Client(base_url=f"http://{address}", trust_env=False) as client,
        ):
            yield client


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    short = {
        "gateway_timeout": timedelta(seconds=2),
        "gateway_request_timeout": timedelta(seconds=2),
        "gateway_authorization_timeout": timedelta(seconds=1.5),
        "gateway_reply_bytes": 5_000_000,
    }
    with running_edge(tmp_path_factory.mktemp("edge"), **short) as edge:
        yield edge


@pytest.fixture
def edge(running: Edge) -> Edge:
    """A gateway before services that do as a test wishes, and whose timeouts are short."""
    running.reset()
    return running


@pytest.fixture(scope="package")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Written, int]]:
    """Who writes down, behind a gateway, and the gateway's port."""
    folder: Path = tmp_path_factory.mktemp("credentials")
    with ThreadPoolExecutor(4) as threads:
        written = Written()
        server = grpc.server(threads, handlers=[written])
        upstream = Address("127.0.0.1", server.add_insecure_port("127.0.0.1:0"))
        server.start()
        with running_gateway(folder, settings(folder, upstream)) as address:
            deadline = time.monotonic() + 30
            while httpx.get(f"http://{address}/ready", trust_env=False).status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield written, address.port
        server.stop(None).wait()


@pytest.fixture
def written(behind: tuple[Written, int]) -> Written:
    behind[0].asked.clear()
    behind[0].called.clear()
    return behind[0]


@pytest.fixture
def http(behind: tuple[Written, int]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{behind[1]}", trust_env=False) as client:
        yield client
