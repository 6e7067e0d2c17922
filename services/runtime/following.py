"""How a service that is not token knows its callers: by token's keys and what is revoked, both followed from there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.keys import Keys, RemoteKeys
from services.runtime.revocations import RemoteFollower, Revocations
from services.runtime.settings import FollowerSettings


@asynccontextmanager
async def following(
    service: str, settings: FollowerSettings, clock: Clock
) -> AsyncIterator[tuple[Authenticator, Keys]]:
    """What verifies a service's callers, and the keys that it does so by; token may be away."""
    keys = RemoteKeys(settings.token_address, settings.state_dir, settings.token_tls)
    revocations = Revocations(clock, settings.revocations_max_age)
    follower = RemoteFollower(settings.token_address, revocations, settings.token_tls)
    await keys.start()
    follower.start()
    try:
        yield Authenticator(service, keys, clock, revocations), keys
    finally:
        await follower.close()
        await keys.close()
