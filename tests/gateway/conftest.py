"""A gateway by itself."""

import socket
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from services.runtime.env import Address
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
