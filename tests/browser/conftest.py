"""A real browser, headless, before a running Tessera."""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from deploy.local.stack import Stack
from tests.support.stack import running_stack, world_of
from tests.support.world import World


@pytest_asyncio.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The stack as `make run` starts it."""
    async with running_stack(tmp_path_factory.mktemp("stack")) as (made, _):
        yield made


@pytest.fixture(scope="session")
def world(stack: Stack) -> World:
    """The stack as strangers see it."""
    return world_of(stack)


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    path = shutil.which("chromium")
    assert path, "chromium is missing: apt-get install chromium"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        await browser.close()
