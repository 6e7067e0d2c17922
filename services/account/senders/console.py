"""Shows messages to whoever sits at the terminal, in place of sending them: for `make run`.

They go to standard error and past the log, which may be kept, forwarded and read by many (docs/adr/0041).
"""

import sys

from services.account.senders import Message


class ConsoleSender:
    """Writes each message as one line."""

    def check(self, type_: str) -> None:
        """Everything can be shown."""

    async def send(self, message: Message) -> None:
        """Show a message."""
        sys.stderr.write(f"to {message.type} {message.address}: {message.text}\n")
        sys.stderr.flush()
