"""Fixtures that every test may use."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.support.databases import Databases, running


@pytest_asyncio.fixture(scope="session")
async def databases(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Databases]:
    """A real Postgres, one for each worker of the test run."""
    async with running(tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.fixture
def database_url(databases: Databases) -> Callable[[str], str]:
    """Makes a fresh, migrated database of a service; answers its DSN."""
    return databases.fresh
