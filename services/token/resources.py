"""What use cases work with, put together once in `wiring.py`."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.runtime.batching import Batches
from services.runtime.clock import Clock
from services.runtime.ids import uuid7
from services.runtime.limits import CallLimits
from services.runtime.revocations import Revocations
from services.runtime.vault import Vault
from services.token.directory import Directory
from services.token.feeds import Feeds
from services.token.key_rotation import KeyRotation
from services.token.keys import Keyring
from services.token.limits import GrantLimits
from services.token.model import Domain, Nonce, Rotation, Session
from services.token.store import Store


@dataclass(frozen=True)
class Lifetimes:
    """How long what is issued lives: an access token; a session that nobody uses; any session."""

    access_token: timedelta
    session_idle: timedelta
    session: timedelta


@dataclass(frozen=True)
class Resources:
    """The parts of the service.

    `rotations` uses refresh tokens, as `Store.rotate_sessions` does, and `nonces` nonces, as `Store.insert_nonces`.
    `revocations` is what all processes hear is revoked.
    """

    store: Store
    rotations: Batches[Rotation, tuple[str, Session | None]]
    nonces: Batches[Nonce, bool]
    directory: Directory
    keyring: Keyring
    key_rotation: KeyRotation
    vault: Vault
    feeds: Feeds
    clock: Clock
    lifetimes: Lifetimes
    limits: GrantLimits
    call_limits: CallLimits
    revocations: Revocations
    default_domain: str

    async def asked_for(self, domain_id: str, host: str) -> Domain | None:
        """The domain whose issuer a stranger asks about: by its id, else by the host, else the default one."""
        if not domain_id and (found := await self.directory.domain_at(host)):
            return found
        return await self.directory.domain(domain_id or self.default_domain)

    def new_id(self) -> UUID:
        """A UUIDv7 of now."""
        return uuid7(self.clock.now())
