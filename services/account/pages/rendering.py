"""Pages out of their templates: Jinja2, with everything that is shown escaped."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2

from services.account.model import shown
from services.account.model.domain_settings import DomainSettings
from services.account.pages.languages import LANGUAGES, Language

_HERE = Path(__file__).resolve().parent

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    undefined=jinja2.StrictUndefined,
    autoescape=True,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, language: Language, **facts: Any) -> str:
    """A page as HTML.

    Args:
        template: its file in templates/, without what it ends in.
        language: of its texts.
        facts: what it shows.
    """
    settings: DomainSettings | None = facts.pop("settings")
    page = _TEMPLATES.get_template(f"{template}.html.j2")
    return page.render(
        t=language.say,
        language=language,
        languages=LANGUAGES.values(),
        settings=settings,
        style=_fingerprint(),
        shown=shown,
        **facts,
    )


@cache
def static(name: str) -> bytes:
    """What is the same on every page."""
    return (_HERE / "static" / name).read_bytes()


@cache
def _fingerprint() -> str:
    """Of the style sheet, which is kept for a while: another one has another address."""
    return sha256(static("style.css")).hexdigest()[:16]
