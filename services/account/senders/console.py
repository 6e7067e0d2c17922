"""Shows messages to whoever sits at the terminal, in place of sending them: for `make run`.

They go to standard error and past the log, which may be kept, forwarded and read by many (docs/adr/0041). The last of
them stand in a file of the service's folder, for a page that shows them: a process is one of several.
"""

import fcntl
import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.account.senders import Message
from services.account.senders.texts import text_of

KEPT = 50
_SHOWN_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Shown:
    """A message that was shown: when, to whom, and what it said."""

    at: datetime
    address: str
    text: str


class ConsoleSender:
    """Writes each message as one line.

    Args:
        folder: of the service, for all of its processes.
    """

    def __init__(self, folder: Path) -> None:
        self._inbox = folder / "inbox.jsonl"

    def check(self, type_: str) -> None:
        """Everything can be shown."""

    async def send(self, message: Message) -> None:
        """Show a message."""
        text = text_of(message)
        line = json.dumps({"at": datetime.now(UTC).isoformat(), "address": message.address, "text": text})
        with os.fdopen(os.open(self._inbox, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            lines = [*file.readlines()[1 - KEPT :], f"{line}\n"]
            file.seek(0)
            file.truncate()
            file.writelines(lines)
        sys.stderr.write(f"to {message.type} {message.address}: {text}\n")
        sys.stderr.flush()

    def shown(self) -> list[Shown]:
        """The last messages of an hour, the newest first."""
        if not self._inbox.exists():
            return []
        with self._inbox.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            lines = [json.loads(line) for line in file]
        found = [Shown(datetime.fromisoformat(each["at"]), each["address"], each["text"]) for each in reversed(lines)]
        return [each for each in found if datetime.now(UTC) - each.at < _SHOWN_FOR]
