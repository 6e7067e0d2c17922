"""One running Tessera for all stories of a test process."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from tests.support.stack import running_stack, world_of
from tests.support.world import World


@pytest_asyncio.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The stack as `make run` starts it."""
    async with running_stack(tmp_path_factory.mktemp("stack")) as (made, _):
        yield made


@pytest.fixture(scope="package")
def world(stack: Stack) -> World:
    """The stack as strangers see it."""
    return world_of(stack)
