"""Tessera, and grpc-gateway's reverse proxy beside its own gateway, on the same services."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from deploy.clients import Missing, make_go_module
from deploy.local.stack import Stack
from tests.support.ports import free_ports
from tests.support.rest_calls import Client
from tests.support.stack import running_stack, world_of

PROXY = Path(__file__).with_name("proxy")


@pytest.fixture(scope="package")
def proxy_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reverse proxy, generated from proto/ and built."""
    folder = tmp_path_factory.mktemp("proxy") / "module"
    try:
        make_go_module(PROXY, folder, "go", "go-grpc", "grpc-gateway")
    except Missing as missing:
        pytest.skip(f"this needs {missing}")
    subprocess.run(["go", "build", "-o", "proxy", "."], cwd=folder, check=True)
    return folder / "proxy"


@pytest_asyncio.fixture(scope="package")
async def stack(proxy_program: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The stack as `make run` starts it."""
    async with running_stack(tmp_path_factory.mktemp("stack")) as (made, _):
        yield made


@pytest.fixture(scope="package")
def client(stack: Stack) -> Client:
    """Who makes the calls."""
    return Client(stack)


@pytest_asyncio.fixture(scope="package")
async def envoy(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Tessera's gateway."""
    async with world_of(stack).http() as http:
        yield http


@pytest_asyncio.fixture(scope="package")
async def proxy(proxy_program: Path, stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """grpc-gateway's."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    services = [f"-{service}={target}" for service, target in world_of(stack).grpc.items()]
    process = await asyncio.create_subprocess_exec(str(proxy_program), f"-listen={address}", *services)
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", timeout=20) as http:
            async with asyncio.timeout(20):
                while process.returncode is None:
                    with contextlib.suppress(httpx.TransportError):
                        await http.get("/")
                        break
                    await asyncio.sleep(0.05)
            assert process.returncode is None, "the reverse proxy ended"
            yield http
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
