"""`service`: one token service for all tests, each with apps and users of its own. `own`: for who moves its clock.

`tenant`: a second domain of `service`, as its operator sees it.
"""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.databases import Databases
from tests.support.token import Running, running
from tests.support.token_client import TokenClient


@pytest_asyncio.fixture(scope="session")
async def service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(databases.fresh("token"), tmp_path_factory.mktemp("token")) as made:
        yield made


@pytest_asyncio.fixture(scope="session")
async def tenant(service: Running) -> TokenClient:
    return await service.tenant("tenant")


@pytest_asyncio.fixture
async def own(database_url: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Running]:
    """A token service for one test, whose clock may be moved."""
    async with running(database_url("token"), tmp_path) as made:
        yield made
