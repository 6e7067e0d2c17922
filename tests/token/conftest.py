"""`service`: one token service for all tests, each with apps and users of its own. `own`: for who moves its clock.

`tenant`: a second domain of `service`, as its operator sees it.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from services.token.config import TokenSettings
from tests.support.databases import Databases
from tests.support.token import Running, run_bootstrap, running, serving, settings_of
from tests.support.token_client import TokenClient

# What bootstrap tells.
Made = dict[str, Any]


@pytest_asyncio.fixture(scope="session")
async def service(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with running(databases.fresh("token"), tmp_path_factory.mktemp("token")) as made:
        yield made


@pytest_asyncio.fixture(scope="session")
async def tenant(service: Running) -> TokenClient:
    return await service.tenant("tenant")


@pytest_asyncio.fixture(scope="session")
async def founded(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> tuple[TokenSettings, Made]:
    """A database with the first domain, which nobody serves: to be copied, which is faster than to make another."""
    folder = tmp_path_factory.mktemp("founded")
    settings = settings_of(databases.fresh("token"), folder)
    return settings, await run_bootstrap(settings, folder)


@pytest_asyncio.fixture
async def own(databases: Databases, founded: tuple[TokenSettings, Made], tmp_path: Path) -> AsyncIterator[Running]:
    """A token service for one test, whose clock may be moved."""
    settings, made = founded
    dsn = await asyncio.to_thread(databases.copied, "token", settings.dsn)
    async with serving(settings_of(dsn, tmp_path), made) as service:
        yield service
    await asyncio.to_thread(databases.drop, dsn)
