"""Markdown as the made pages write it."""

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table's lines, after an empty one. Its cells are Markdown of one line."""
    return ["", _row(heads), "|" + "---|" * len(heads), *map(_row, rows)]


def one_line(text: str) -> str:
    """Markdown of several lines or paragraphs as a cell takes it."""
    return "<br>".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n")).replace("|", "\\|")


def anchor(heading: str) -> str:
    """The anchor that GitHub and MkDocs both give a heading of words, dots and blanks."""
    return heading.lower().replace(".", "").replace(" ", "-")


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
