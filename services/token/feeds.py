"""Token's two feeds: what is revoked, and what became of users; how each is read from its table, and told.

Neither is for strangers: the gateway has no path to them.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
from tessera.token.v1 import feed_service_pb2 as pb2

from services.runtime.auth import Principal
from services.runtime.db import Database
from services.runtime.feed import Cursor, Feed, Reader
from services.runtime.revocations import MAX_TOKEN_LIFETIME, digest

# What account's service identity holds, which acts for every domain.
_ALL_DOMAINS = "token.mint"
_USERS_KEPT = timedelta(days=29)


@dataclass(frozen=True)
class Feeds:
    """Both feeds of a process."""

    revocations: Feed[pb2.Revocation]
    users: Feed[pb2.UserEvent]

    @classmethod
    def of(cls, database: Database) -> "Feeds":
        """Feeds of the tables of a database."""
        return cls(
            revocations=Feed(
                Reader(
                    database,
                    "token.revocation",
                    ("domain_id", "kind", "subject", "revoked_at"),
                    _revocation,
                    keep=MAX_TOKEN_LIFETIME,
                )
            ),
            users=Feed(
                Reader(database, "token.user_event", ("domain_id", "user_id", "kind"), _user_event, keep=_USERS_KEPT)
            ),
        )

    async def close(self) -> None:
        """End both."""
        await self.revocations.close()
        await self.users.close()

    async def watch_revocations(
        self, request: pb2.WatchRevocationsRequest
    ) -> AsyncGenerator[pb2.WatchRevocationsResponse, None]:
        """The stream of WatchRevocations, which this process follows, too. Raises as `Feed.watch`; `FieldInvalid`."""
        async with aclosing(self.revocations.watch(_cursor(request.cursor), listing=True)) as pages:
            async for page in pages:
                yield pb2.WatchRevocationsResponse(
                    revocations=page.events, cursor=page.cursor.write(), up_to_date=not page.more
                )

    async def watch_users(
        self, caller: Principal, request: pb2.WatchUsersRequest
    ) -> AsyncGenerator[pb2.WatchUsersResponse, None]:
        """The stream of WatchUsers for a caller. Raises as `Feed.watch`; `FieldInvalid`."""
        async with aclosing(self.users.watch(_cursor(request.cursor))) as pages:
            async for page in pages:
                events = [event for event in page.events if may_ask_of(caller, event.domain_id)]
                yield pb2.WatchUsersResponse(events=events, cursor=page.cursor.write(), up_to_date=not page.more)


def may_ask_of(caller: Principal, domain_id: str) -> bool:
    """Whether a caller is told of the users of a domain."""
    return domain_id == caller.domain_id or _ALL_DOMAINS in caller.permissions


def _cursor(text: str) -> Cursor | None:
    """The cursor of a request. Raises `FieldInvalid`."""
    return Cursor.read(text) if text else None


def _revocation(row: asyncpg.Record) -> pb2.Revocation:
    revocation = pb2.Revocation(digest=digest(row["domain_id"], row["kind"], row["subject"]))
    revocation.revoked_at.FromDatetime(row["revoked_at"])
    return revocation


def _user_event(row: asyncpg.Record) -> pb2.UserEvent:
    kind = pb2.UserEvent.Kind.Value(f"KIND_{row['kind'].upper()}")
    return pb2.UserEvent(domain_id=row["domain_id"], user_id=row["user_id"], kind=kind)
