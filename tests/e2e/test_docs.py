"""The manual's lines do what the manual says: every block marked `sh`, in order, with the answers that are shown."""

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from tests.support.pages import ROOT, agrees, follow, steps
from tests.support.stack import running_stack
from tests.support.world import World

DOCS = ROOT / "docs"
# Deploying, driving load and the clients have tests of their own.
OURS = (
    "log-on",
    "oauth",
    "users",
    "accounts",
    "open-accounts",
    "user-systems",
    "devices",
    "bindings",
    "sign",
    "operate",
)
TUTORIAL = DOCS / "tutorial.md"
PAGES = [TUTORIAL, *(DOCS / "how-to" / f"{name}.md" for name in OURS)]


@pytest_asyncio.fixture(scope="module")
async def fresh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Stack, World]]:
    """A stack of its own: a reader's has not been used by other tests either."""
    async with running_stack(tmp_path_factory.mktemp("docs")) as made:
        yield made


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
async def test_the_page_says_what_happens(fresh: tuple[Stack, World], page: Path) -> None:
    if any(step.commands.startswith("node ") for step in steps(page)) and not shutil.which("node"):
        pytest.skip("node is missing: a page has a line for it")
    await follow(page, *fresh)
    if page == TUTORIAL:
        # Who begins, begins again.
        await follow(page, *fresh)


def test_an_answer_agrees_with_what_is_shown_but_for_what_is_left_out() -> None:
    answer = '{"a":1,"b":[2,3]}\n'
    assert agrees(answer, '{"a": 1,\n "b": [2, 3]}')
    assert agrees(answer, '{"a": 1, …}')
    assert not agrees(answer, '{"a": 2, …}')
    assert not agrees(answer, '{"a": 1}')
    assert not agrees(answer * 2, '{"a": 1, "b": [2, 3]}')


def test_a_comment_that_is_pasted_does_nothing() -> None:
    """zsh, the shell of macOS, reads it as words: it waits for a second quote, and runs what is in backquotes."""
    for page in [ROOT / "README.md", DOCS / "tutorial.md", *DOCS.glob("how-to/*.md")]:
        for step in steps(page):
            comments = re.findall(
                r"^#.*|\s#\s.*",
                re.sub(r"<<'EOF'.*?^EOF$", "", step.commands, flags=re.DOTALL | re.MULTILINE),
                re.MULTILINE,
            )
            for comment in comments:
                assert "`" not in comment, step.place
                assert all(comment.count(quote) % 2 == 0 for quote in "'\""), step.place


def test_each_page_has_something_to_do_and_to_show() -> None:
    for page in PAGES:
        assert sum(step.answer is not None for step in steps(page)) > 3
