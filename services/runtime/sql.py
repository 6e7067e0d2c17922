"""Reads a service's `queries.sql`: every statement under its `-- name:`, in one place, as people read it."""

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def load_queries(path: Path) -> dict[str, str]:
    """Read the statements of a file.

    Returns:
        Text of each statement by its name, in the file's order.

    Raises:
        ValueError: a name stands twice, or there is SQL before the first name.
    """
    head, *parts = _NAME.split(path.read_text(encoding="utf-8"))
    if any(line and not line.startswith("--") for line in head.splitlines()):
        msg = f"{path.name}: SQL before the first -- name:"
        raise ValueError(msg)
    names, texts = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        msg = f"{path.name}: a name stands twice"
        raise ValueError(msg)
    return {name: text.strip().rstrip(";") for name, text in zip(names, texts, strict=True)}
