"""The list of decisions, from the files themselves."""

from pathlib import Path

from deploy.manual.markdown import table


def decisions(folder: Path) -> list[tuple[Path, str, str]]:
    """Each decision's file, number and what was decided, in order.

    Args:
        folder: where they stand, `<number>-<words>.md`, with the heading `# <number> <what was decided>`.
    """
    found = []
    for path in sorted(folder.glob("[0-9]*.md")):
        number, _, title = path.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# ").partition(" ")
        found.append((path, number, title))
    return found


def decisions_page(folder: Path) -> str:
    """The page that lists them."""
    lines = [
        "# Decisions",
        "",
        "Each file is one decision that a newcomer would question: what was decided, why, and what it costs. A",
        "decision that is replaced stays, with a line that says by what. Numbers without a line were never used. The",
        "list is made by `make manual`.",
        *table(("", "decided"), ((number, f"[{title}]({path.name})") for path, number, title in decisions(folder))),
    ]
    return "\n".join(lines) + "\n"
