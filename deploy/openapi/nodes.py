"""Parts of the document that every part of it needs."""

import re
from typing import Any

Node = dict[str, Any]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
XML = "text/xml"
SCHEMAS = "#/components/schemas/"


def ref(name: str) -> Node:
    """What points at a message or an error."""
    return {"$ref": SCHEMAS + name}


def described(node: Node) -> Node:
    """The same, its description as a text."""
    return {**node, "description": prose(node["description"])} if "description" in node else node


def prose(comment: str) -> str:
    """A comment of proto/ as a text, without what is said to buf, and without errors: these have their own place."""
    lines = [line.strip() for line in comment.splitlines() if "buf:lint" not in line]
    paragraphs = [part.replace("\n", " ") for part in re.split(r"\n{2,}", "\n".join(lines))]
    return "\n\n".join(part.strip() for part in paragraphs if part.strip() and not part.startswith("Errors:"))
