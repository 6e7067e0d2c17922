"""How messages reach people: one small interface, a module for each way.

Owns: that a message is on its way when `send` returns, and what it says (`texts`). Leaves to others how many there may
be.
"""

from dataclasses import dataclass, field
from typing import Protocol

from services.runtime.errors import Unavailable


@dataclass(frozen=True, slots=True)
class Message:
    """A code that is to reach an address.

    Args:
        type: `mobile` or `email`.
        address: a number as E.164 has it, or an email address; as identities are compared.
        code: what the person is to type.
        purpose: `link`, to show that an address is one's own, or `logon`.
        minutes: for how long the code is good.
        domain_id: whose users it is for.
        language: `en` or `zh`.
        name: what the app or the domain is called, for people; empty: nothing is said of it.
    """

    type: str
    address: str
    code: str = field(repr=False)
    purpose: str
    minutes: int
    domain_id: str
    language: str = "en"
    name: str = ""


class NoSuchCountry(Unavailable):
    """Nothing can be sent to numbers of a country."""


class Sender(Protocol):
    """Sends messages. A message holds a secret: it stands in no log."""

    def check(self, type_: str) -> None:
        """Before a code is made and counted: raises `Unavailable` where nothing can be sent to addresses of a type."""

    async def send(self, message: Message) -> None:
        """Send a message, within seconds. Raises `Unavailable` where it cannot be sent; it may have been, then."""
