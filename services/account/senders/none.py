"""Where no sender is set: codes are refused, and the rest of the service goes on."""

from services.account.senders import Message
from services.runtime.errors import Unavailable


class NoSender:
    """Sends nothing, and says so: no sender was chosen."""

    def check(self, type_: str) -> None:
        """Refuse. Raises `Unavailable`."""
        raise Unavailable("sender of codes", detail=f"no sender is set for {type_}")

    async def send(self, message: Message) -> None:
        """Refuse. Raises `Unavailable`."""
        self.check(message.type)
