"""Which files of docs/ are made, and by what."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.manual.access import runtime_page
from deploy.manual.decisions import decisions_page
from deploy.manual.errors import errors_page
from deploy.manual.events import events_page
from deploy.manual.reference import reference_page
from deploy.manual.settings import settings_page

DOCS = Path(__file__).parents[2] / "docs"

PAGES: Mapping[Path, Callable[[], str]] = {
    DOCS / "settings.md": settings_page,
    DOCS / "errors.md": errors_page,
    DOCS / "reference" / "token.md": functools.partial(reference_page, "token"),
    DOCS / "reference" / "account.md": functools.partial(reference_page, "account"),
    DOCS / "reference" / "binding.md": functools.partial(reference_page, "binding"),
    DOCS / "reference" / "audit.md": events_page,
    DOCS / "reference" / "runtime.md": runtime_page,
    DOCS / "adr" / "README.md": functools.partial(decisions_page, DOCS / "adr"),
}
"""Each page that is made, and what makes its text."""
