"""The manual's tables say what code and contracts say."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.manual import PAGES


@pytest.mark.parametrize(("path", "page"), PAGES.items(), ids=lambda item: getattr(item, "name", ""))
def test_the_page_is_up_to_date(path: Path, page: Callable[[], str]) -> None:
    assert path.read_text(encoding="utf-8") == page(), "run `make manual`"
