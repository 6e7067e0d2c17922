"""Fixtures that every test may use, and in which order tests run; and where `CI` is set, no test is skipped."""

import functools
import gc
import math
import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from pathlib import Path

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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many run side by side: half as many again as there are processors, since every third waits for something."""
    return math.ceil((os.cpu_count() or 1) * 1.5)


def pytest_collection() -> None:
    """Look for garbage no more until all tests are there, of which none is any."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage from now on, and not among what was collected."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run folder by folder, and of each what may take longest first, and many tests before few.

    What a folder's tests share ends with them, and is not kept waiting, which costs as well. The folder with the most
    files comes last: the fewer there are, the longer may the last of them have to be waited for.
    """
    counts = Counter(item.path for item in items)
    files = Counter(_folder(path) for path in counts)
    longest: defaultdict[Path, float] = defaultdict(float)
    for item in items:
        if limit := item.get_closest_marker("timeout"):
            longest[item.path] = max(longest[item.path], limit.args[0])
    items.sort(
        key=lambda item: (
            files[folder := _folder(item.path)],
            folder,
            -longest[item.path],
            -counts[item.path],
            item.path,
        )
    )


@functools.cache
def _folder(path: Path) -> str:
    return path.relative_to(Path(__file__).parent).parts[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make what is skipped for want of a tool a failure: in CI everything is there, or nobody would notice."""
    report = yield
    if report.skipped and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped, where nothing is to be: {report.longrepr}"
    return report
