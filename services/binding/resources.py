"""What use cases work with: one object, put together in `wiring`."""

from dataclasses import dataclass
from uuid import UUID

from services.binding.changes import Changes
from services.binding.feeds import BindingFeed
from services.binding.store import Store
from services.runtime.clock import Clock
from services.runtime.ids import uuid7


@dataclass(frozen=True)
class Resources:
    """The parts of the service."""

    store: Store
    changes: Changes
    feed: BindingFeed
    clock: Clock

    def new_id(self) -> UUID:
        """A UUIDv7 of now."""
        return uuid7(self.clock.now())
