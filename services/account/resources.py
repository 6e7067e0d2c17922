"""What use cases work with: one object, put together in `__main__`."""

from dataclasses import dataclass
from uuid import UUID

from services.account.feeds import LinkFeed
from services.account.model.proofs import ProofKey
from services.account.outbox import Outbox
from services.account.peers import TokenPeer
from services.account.providers import ProviderKeys
from services.account.senders import Sender
from services.account.senders.console import ConsoleSender
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.ids import uuid7


@dataclass(frozen=True)
class Resources:
    """The parts of the service."""

    store: Store
    token: TokenPeer
    link_feed: LinkFeed
    outbox: Outbox
    clock: Clock
    proof_key: ProofKey
    sender: Sender
    provider_keys: ProviderKeys
    console: ConsoleSender | None = None
    """What was shown in place of being sent; it is `sender` for the types whose sender is `console`."""

    def new_id(self) -> UUID:
        """A UUIDv7 of now."""
        return uuid7(self.clock.now())
