"""How messages reach people: one small interface, a module for each way.

Owns: that a message is on its way when `send` returns. Leaves to others what it says, and how many there may be.
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """A message to an address: `mobile`, a number as E.164 has it, or `email`."""

    type: str
    address: str
    text: str


class Sender(Protocol):
    """Sends messages. A message holds a secret: it stands in no log."""

    def check(self, type_: str) -> None:
        """Before a code is made and counted: raises `Unavailable` where nothing can be sent to addresses of a type."""

    async def send(self, message: Message) -> None:
        """Send a message. Raises `Unavailable` where it cannot be sent."""
