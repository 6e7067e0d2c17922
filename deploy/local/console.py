"""What the person at the terminal sees: each process's lines behind its name, problems, and the summary."""

import os
import sys
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.text import Text

_STYLES = {
    "postgres": "blue",
    "token": "cyan",
    "account": "green",
    "binding": "yellow",
    "gateway": "magenta",
}
_WIDTH = max(len(name) for name in _STYLES)


class Screen:
    """Writes to a terminal in colour, and to a file or a pipe without."""

    def __init__(self) -> None:
        self._out = Console(highlight=False, soft_wrap=True)
        self._problems = Console(stderr=True, highlight=False, soft_wrap=True)
        self._prefixes: dict[str, str] = {}
        self._gone = False

    def line(self, name: str, line: str) -> None:
        """A line of a process."""
        if name not in self._prefixes:
            self._prefixes[name] = self._prefix(name)
        # Past rich, which takes longer over a line than the services take to write it.
        self._write(f"{self._prefixes[name]}{line}\n")

    def say(self, text: str = "", style: str = "") -> None:
        """A line of our own."""
        with self._out.capture() as captured:
            self._out.print(Text(text, style))
        self._write(captured.get())

    def problem(self, text: str) -> None:
        """A line about what stands in the way, on standard error."""
        self._problems.print(Text(text, "bold red"))

    def _prefix(self, name: str) -> str:
        service, _, verb = name.partition(" ")
        with self._out.capture() as captured:
            self._out.print(Text(f"{service:<{_WIDTH}} ", Style.parse(_STYLES.get(service, "white"))), end="")
            self._out.print(Text("| ", "dim"), end="")
        return captured.get() + (f"{verb}: " if verb else "")

    def _write(self, text: str) -> None:
        if self._gone:
            return
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError:
            # Whoever read has gone, as `head` does, or the disk is full. The stack runs on; Python would complain once
            # more at its end.
            self._gone = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def shown(path: Path) -> str:
    """A path as short as it is called from the folder we are in."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
