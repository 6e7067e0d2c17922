"""What use cases work with: one object, put together in `wiring`."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.account.connectors import Connector
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
    """The parts of the service. `connectors` are by the type of user system that each asks."""

    store: Store
    token: TokenPeer
    link_feed: LinkFeed
    outbox: Outbox
    clock: Clock
    proof_key: ProofKey
    sender: Sender
    provider_keys: ProviderKeys
    connectors: Mapping[str, Connector]
    console: ConsoleSender | None = None
    """What was shown in place of being sent; `None`: nothing is."""

    def new_id(self) -> UUID:
        """A UUIDv7 of now."""
        return uuid7(self.clock.now())
