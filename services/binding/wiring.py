"""The one place where the binding service's parts meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.binding.changes import Changes
from services.binding.config import BindingSettings
from services.binding.feeds import BindingFeed
from services.binding.resources import Resources
from services.binding.service import SERVED
from services.binding.store import PARTITIONED, Store
from services.runtime.auth import Authenticator
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.keys import RemoteKeys
from services.runtime.partitions import Partitions
from services.runtime.revocations import RemoteFollower, Revocations
from services.runtime.server import Wiring, servicers


@asynccontextmanager
async def wire(settings: BindingSettings, database: Database, clock: Clock) -> AsyncIterator[Wiring]:
    """Put the service together around an open database; the token service may be away."""
    store, feed = Store(database), BindingFeed(database)
    resources = Resources(store=store, changes=Changes(store, clock), feed=feed, clock=clock)
    partitions = Partitions(settings.direct_dsn or settings.dsn, clock, PARTITIONED)
    keys = RemoteKeys(settings.token_address, settings.state_dir, settings.token_tls)
    revocations = Revocations(clock, settings.revocations_max_age)
    follower = RemoteFollower(settings.token_address, revocations, settings.token_tls)
    await keys.start()
    await partitions.start()
    follower.start()
    try:
        yield Wiring(
            servicers=tuple(servicers(SERVED, resources)),
            authenticator=Authenticator("binding", keys, clock, revocations),
            problems={"keys": lambda: keys.problem, "partitions": lambda: partitions.problem},
        )
    finally:
        await feed.close()
        await follower.close()
        await partitions.close()
        await keys.close()
