"""The made pages say what code and contracts say, and can be linked to."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.manual.markdown import anchor
from deploy.manual.pages import DOCS, PAGES


@pytest.mark.parametrize(("path", "page"), PAGES.items(), ids=lambda item: getattr(item, "name", ""))
def test_the_page_is_up_to_date(path: Path, page: Callable[[], str]) -> None:
    assert path.read_text(encoding="utf-8") == page(), "run `make manual`"


@pytest.mark.parametrize("path", sorted((DOCS / "reference").glob("*.md")), ids=lambda path: path.name)
def test_no_two_headings_have_the_same_anchor(path: Path) -> None:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    # The second would get another one, by a rule that GitHub and MkDocs do not share.
    assert len({anchor(heading) for heading in headings}) == len(headings)


def test_each_rpc_has_its_place() -> None:
    """What a reader looks for is a heading: found by a search of the protos themselves, which know no descriptors."""
    for service in ("token", "account", "binding"):
        page = (DOCS / "reference" / f"{service}.md").read_text(encoding="utf-8")
        for proto in (DOCS.parent / "proto" / "tessera" / service / "v1").glob("*.proto"):
            text = proto.read_text(encoding="utf-8")
            for name, body in re.findall(r"^service (\w+) \{(.*?)^\}", text, re.DOTALL | re.MULTILINE):
                for rpc in re.findall(r"^  rpc (\w+)\(", body, re.MULTILINE):
                    assert f"\n### {name}.{rpc}\n" in page
            assert "buf:lint" not in page
