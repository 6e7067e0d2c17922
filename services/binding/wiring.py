"""The one place where the binding service's parts meet."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.binding.changes import Changes
from services.binding.config import BindingSettings
from services.binding.feeds import BindingFeed
from services.binding.resources import Resources
from services.binding.service import SERVED
from services.binding.store import PARTITIONED, Store
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.following import following
from services.runtime.partitions import Partitions
from services.runtime.server import Wiring, servicers


@asynccontextmanager
async def wire(settings: BindingSettings, database: Database, clock: Clock) -> AsyncIterator[Wiring]:
    """Put the service together around an open database; the token service may be away."""
    store, feed = Store(database), BindingFeed(database)
    resources = Resources(store=store, changes=Changes(store, clock), feed=feed, clock=clock)
    partitions = Partitions(settings.direct_dsn or settings.dsn, clock, PARTITIONED)
    async with following("binding", settings, clock) as (authenticator, keys):
        await partitions.start()
        try:
            yield Wiring(
                servicers=tuple(servicers(SERVED, resources)),
                authenticator=authenticator,
                problems={"keys": lambda: keys.problem, "partitions": lambda: partitions.problem},
            )
        finally:
            await feed.close()
            await partitions.close()
