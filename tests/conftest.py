"""Fixtures that every test may use; and where `CI` is set, no test is skipped."""

import os
from collections.abc import AsyncIterator, Callable, Generator, Iterator

import pytest
import pytest_asyncio

from tests.support.databases import Databases, running


@pytest_asyncio.fixture(scope="session")
async def databases(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Databases]:
    """A real Postgres, one for each worker of the test run."""
    async with running(tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.fixture
def database_url(databases: Databases) -> Iterator[Callable[[str], str]]:
    """Makes a fresh, migrated database of a service, until the test ends; answers its DSN."""
    made: list[str] = []

    def fresh(service: str) -> str:
        made.append(databases.fresh(service))
        return made[-1]

    yield fresh
    for dsn in made:
        databases.drop(dsn)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make what is skipped for want of a tool a failure: in CI everything is there, or nobody would notice."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing is to be: {report.longrepr}"
    return report
