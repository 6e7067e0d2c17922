"""Account's feed: what becomes of links; how it is read from its table, and told.

It is not for strangers: the gateway has no path to it.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta

import asyncpg
from tessera.account.v1 import link_service_pb2 as pb2

from services.runtime.auth import Principal
from services.runtime.db import Database
from services.runtime.feed import Cursor, Feed, Reader
from services.runtime.ids import uuid7_time

# What account's service identity holds, which acts for every domain.
_ALL_DOMAINS = "token.mint"
_KEPT = timedelta(days=29)
_COLUMNS = ("domain_id", "event_id", "kind", "type", "identity", "extra", "user_id", "actor")


class LinkFeed:
    """The feed of links of a process.

    Args:
        database: of the service, its primary.
    """

    def __init__(self, database: Database) -> None:
        self._reader = Reader(database, "account.link_event", _COLUMNS, _event, keep=_KEPT)
        self._feed = Feed(self._reader)

    async def close(self) -> None:
        """End it for all who watch."""
        await self._feed.close()

    async def now(self) -> str:
        """A cursor: what a listing that begins after it does not show, is told after it. Raises `Unavailable`."""
        return (await self._reader.now()).write()

    async def watch_links(
        self, caller: Principal, request: pb2.WatchLinksRequest
    ) -> AsyncGenerator[pb2.WatchLinksResponse, None]:
        """The stream of WatchLinks for a caller. Raises as `Feed.watch`; `FieldInvalid`."""
        everywhere = _ALL_DOMAINS in caller.permissions
        cursor = Cursor.read(request.cursor) if request.cursor else None
        async with aclosing(self._feed.watch(cursor)) as pages:
            async for page in pages:
                events = [event for event in page.events if everywhere or event.domain_id == caller.domain_id]
                yield pb2.WatchLinksResponse(events=events, cursor=page.cursor.write(), up_to_date=not page.more)


def _event(row: asyncpg.Record) -> pb2.LinkEvent:
    event = pb2.LinkEvent(
        kind=pb2.LinkEvent.Kind.Value(f"KIND_{row['kind'].upper()}"),
        domain_id=row["domain_id"],
        user_id=row["user_id"],
        type=row["type"],
        identity=row["identity"],
        extra=row["extra"],
        actor=row["actor"],
    )
    event.occurred_at.FromDatetime(uuid7_time(row["event_id"]))
    return event
