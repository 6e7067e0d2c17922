"""Shows messages to whoever sits at the terminal, in place of sending them: for `make run`.

They go to standard error and past the log, which may be kept, forwarded and read by many (docs/adr/0041). The last of
them are kept in memory, for a page that shows them.
"""

import sys
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

from services.account.senders import Message
from services.account.senders.texts import text_of

KEPT = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """A message that was shown: when, and what it said."""

    at: datetime
    message: Message
    text: str


class ConsoleSender:
    """Writes each message as one line."""

    def __init__(self) -> None:
        self._shown: deque[Shown] = deque(maxlen=KEPT)

    def check(self, type_: str) -> None:
        """Everything can be shown."""

    async def send(self, message: Message) -> None:
        """Show a message."""
        text = text_of(message)
        self._shown.append(Shown(datetime.now(UTC), message, text))
        sys.stderr.write(f"to {message.type} {message.address}: {text}\n")
        sys.stderr.flush()

    def shown(self) -> list[Shown]:
        """The last messages of this process, the newest first."""
        return list(reversed(self._shown))
