"""What MkDocs is told beside mkdocs.yml: that each decision is a page of its section, by what stands in docs/adr."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

from deploy.manual.decisions import decisions

_SECTION = "Decisions"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the decisions behind the page that the section opens with. Called by MkDocs, by its name."""
    docs = Path(config.docs_dir)
    for entry in config.nav or []:
        entry.get(_SECTION, []).extend(str(path.relative_to(docs)) for path, _, _ in decisions(docs / "adr"))
    return config
