"""The manual's lines do what the manual says: every block marked `sh`, in order, with the answers that are shown."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from tests.support.pages import ROOT, follow, steps
from tests.support.stack import running_stack
from tests.support.world import World

DOCS = ROOT / "docs"
# Deploying, driving load and the clients have tests of their own.
OURS = ("oauth", "accounts", "open-accounts", "devices", "operate")
PAGES = [DOCS / "tutorial.md", *(DOCS / "how-to" / f"{name}.md" for name in OURS)]


@pytest_asyncio.fixture(scope="module")
async def fresh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Stack, World]]:
    """A stack of its own: a reader's has not been used by other tests either."""
    async with running_stack(tmp_path_factory.mktemp("docs")) as made:
        yield made


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
async def test_the_page_says_what_happens_twice_too(fresh: tuple[Stack, World], page: Path) -> None:
    if any(step.commands.startswith("node ") for step in steps(page)) and not shutil.which("node"):
        pytest.skip("node is missing: a page has a line for it")
    for _ in range(2):
        await follow(page, *fresh)
