"""`service`: one token service for all tests, each with apps and users of its own. `own`: for who moves its clock.

`tenant`: a second domain of `service`, as its operator sees it.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from services.token.config import TokenSettings
from tests.support.databases import Databases
from tests.support.token import Founded, Running, founded_in, running, serving
from tests.support.token_client import TokenClient


@pytest_asyncio.fixture(scope="package")
async def service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(databases.fresh("token"), tmp_path_factory.mktemp("token")) as made:
        yield made


@pytest_asyncio.fixture(scope="package")
async def tenant(service: Running) -> TokenClient:
    return await service.tenant("tenant")


@pytest_asyncio.fixture(scope="package")
async def founded(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Founded:
    return await founded_in(databases, tmp_path_factory.mktemp("founded"))


@pytest_asyncio.fixture
async def own_settings(databases: Databases, founded: Founded, tmp_path: Path) -> AsyncIterator[TokenSettings]:
    """Settings of a service for one test, whose database has the first domain."""
    settings = await asyncio.to_thread(founded.copied, tmp_path)
    yield settings
    await asyncio.to_thread(databases.drop, settings.dsn)


@pytest_asyncio.fixture
async def own(founded: Founded, own_settings: TokenSettings) -> AsyncIterator[Running]:
    """A token service for one test, whose clock may be moved."""
    async with serving(own_settings, founded.made) as service:
        yield service
