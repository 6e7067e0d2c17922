"""`service`: a token service for all tests. `server`: one that answers what a test tells it to, over real gRPC."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.client.answering import Answering
from tests.support.databases import Databases
from tests.support.token import Running, running


@pytest_asyncio.fixture(scope="package")
async def service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(databases.fresh("token"), tmp_path_factory.mktemp("token")) as made:
        yield made


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Answering]:
    async with Answering() as made:
        yield made
