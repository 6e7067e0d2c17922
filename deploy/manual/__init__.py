"""The parts of the manual that are made from code and contracts, so that no fact stands in two places.

Owns: the settings (`settings`), the errors (`errors`), the reference of each package (`reference`) with who may call
what (`access`), the list of decisions (`decisions`); which file each of them is (`pages`). `make manual` writes them,
a test compares what stands in docs/ with what would be written. `site` is what MkDocs is told beside mkdocs.yml.

Everything else in docs/ is written by hand. Pages are Markdown that reads well on GitHub, too: plain tables, and
headings whose anchors are the same there and in MkDocs.
"""
