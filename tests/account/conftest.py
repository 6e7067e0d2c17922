"""`alone` is account with its keys kept on disk, and of token the feed alone: it answers everything but LinkAccount.

Each test has domains of its own in it.
"""

import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
import pytest_asyncio

from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.db import Database
from tests.account.callers import Domain, keep_keys
from tests.account.running import Account, running_account
from tests.account.whole_users import WholeUsers, running_both
from tests.support.databases import Databases
from tests.support.revocations import silent_feed

_DOMAINS = [f"d{number}" for number in range(500)]


@pytest.fixture(scope="session")
def unused_domains() -> Iterator[str]:
    return iter(_DOMAINS)


@pytest.fixture
def domain(unused_domains: Iterator[str]) -> Domain:
    return Domain(next(unused_domains))


@pytest.fixture
def other_domain(unused_domains: Iterator[str]) -> Domain:
    return Domain(next(unused_domains))


@pytest.fixture
def user_id() -> str:
    return f"user-{uuid.uuid4()}"


@pytest.fixture(scope="session")
def account_dsn(databases: Databases) -> str:
    return databases.fresh("account")


@pytest_asyncio.fixture(scope="session")
async def alone(account_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Account]:
    state = tmp_path_factory.mktemp("account")
    keep_keys(state, _DOMAINS)
    async with silent_feed() as token, running_account(account_dsn, state, token) as account:
        yield account


@pytest_asyncio.fixture(scope="session")
async def store(account_dsn: str) -> AsyncIterator[Store]:
    """The statements, on the database of `alone`."""
    database = Database(
        account_dsn, service="test", pool_size=20, statement_timeout=timedelta(seconds=10), clock=Clock()
    )
    await database.start()
    yield Store(database)
    await database.close()


@pytest_asyncio.fixture(scope="session")
async def whole_users(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[WholeUsers]:
    """Account and token, and a caller who may do all that is done with whole users."""
    async with running_both(databases, tmp_path_factory.mktemp("whole_users")) as made:
        yield made
