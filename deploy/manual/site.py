"""What MkDocs is told beside mkdocs.yml: the decisions in its menu, and that no page fetches from elsewhere."""

import logging
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.pages import Page

from deploy.manual.decisions import decisions

_SECTION = "Decisions"
_FETCHED = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")

# A name under MkDocs's own: its warnings are errors where it is strict.
log = logging.getLogger("mkdocs.hooks.site")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the decisions behind the page that their section opens with. Called by MkDocs, by its name."""
    docs = Path(config.docs_dir)
    for entry in config.nav or []:
        entry.get(_SECTION, []).extend(str(path.relative_to(docs)) for path, _, _ in decisions(docs / "adr"))
    return config


def on_post_page(output: str, page: Page, **_: Any) -> str:
    """Warn of what a page would fetch from another host. Called by MkDocs, by its name."""
    for url in _FETCHED.findall(output):
        log.warning("%s fetches %s", page.file.src_uri, url)
    return output
