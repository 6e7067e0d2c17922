"""Binding's feed: what becomes of bindings; how it is read from its table, and told.

It is not for strangers: the gateway has no path to it.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta

import asyncpg
from tessera.binding.v1 import device_token_service_pb2 as pb2

from services.runtime.auth import PushApp
from services.runtime.db import Database
from services.runtime.feed import Cursor, Feed, Reader
from services.runtime.ids import uuid7_time

_KEPT = timedelta(days=7)
_COLUMNS = ("access_id", "operation_id", "kind", "token", "account_type", "account")


class BindingFeed:
    """The feed of bindings of a process.

    Args:
        database: of the service, its primary.
    """

    def __init__(self, database: Database) -> None:
        self._reader = Reader(database, "binding.change", _COLUMNS, _change, keep=_KEPT)
        self._feed = Feed(self._reader)

    async def close(self) -> None:
        """End it for all who watch."""
        await self._feed.close()

    async def now(self) -> str:
        """A cursor: what a listing that begins after it does not show, is told after it. Raises `Unavailable`."""
        return (await self._reader.now()).write()

    async def watch_changes(
        self, push_app: PushApp, request: pb2.WatchChangesRequest
    ) -> AsyncGenerator[pb2.WatchChangesResponse, None]:
        """The stream of WatchChanges for a push app. Raises as `Feed.watch`; `FieldInvalid`."""
        cursor = Cursor.read(request.cursor) if request.cursor else None
        async with aclosing(self._feed.watch(cursor)) as pages:
            async for page in pages:
                yield pb2.WatchChangesResponse(
                    changes=[change for change in page.events if change.access_id == push_app.access_id],
                    cursor=page.cursor.write(),
                    up_to_date=not page.more,
                )


def _change(row: asyncpg.Record) -> pb2.BindingChange:
    change = pb2.BindingChange(
        kind=pb2.BindingChange.Kind.Value(f"KIND_{row['kind'].upper()}"),
        access_id=row["access_id"],
        token=row["token"],
        account=pb2.TypedAccount(account=row["account"], type=row["account_type"]),
        operation_id=str(row["operation_id"]),
    )
    change.change_time.FromDatetime(uuid7_time(row["operation_id"]))
    return change
