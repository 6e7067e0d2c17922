"""Reads a table `(…, seq, xid)` in pages, from snapshot to snapshot."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, TypeVar

import asyncpg

from services.runtime.db import Database
from services.runtime.errors import CursorExpired, Unavailable
from services.runtime.feed.cursor import BEGINNING, Cursor, Position

Event = TypeVar("Event")

# A row is told when the target sees its transaction and the base does not; never by comparing transaction ids, which
# are drawn long before they commit. The bounds on `xid` are for the index alone.
#
# A snapshot that is taken ends behind the newest row that it sees. Of what comes after, it may count transactions as
# over that were rolled back, and whose ids a server that crashes gives away again: their rows would be taken for told.
# Up to a row that is seen it does not, since that was on disk before it was seen.
#
# `life` changes with the cluster, its timeline (a restore to a point in time, a failover that may have lost commits),
# the database and the table: then the snapshots of before say nothing. On a standby it is null: its snapshots may leave
# out transactions that are under way.
_TARGET = """
with target as materialized (
    select
        coalesce($2::text, (
            select format(
                '%s:%s:%s', coalesce(min(running), beyond), beyond, string_agg(running::text, ',' order by running)
            )
            from (
                select least(
                    coalesce((select xid::text::bigint + 1 from {table} order by xid desc limit 1), 1),
                    pg_snapshot_xmax(pg_current_snapshot())::text::bigint
                ) as beyond
            ) newest
            left join (
                select xip::text::bigint as running from pg_snapshot_xip(pg_current_snapshot()) xip
            ) under_way on running < beyond
            group by beyond
        ))::pg_snapshot as snapshot,
        extract(epoch from clock_timestamp())::bigint as at,
        case when not pg_is_in_recovery() then concat_ws(
            '/',
            (select system_identifier from pg_control_system()),
            left(pg_walfile_name(pg_current_wal_lsn()), 8),
            (select oid from pg_database where datname = current_database()),
            '{table}'::regclass::oid
        ) end as life
)
"""
_UNTOLD = """
    not pg_visible_in_snapshot(xid, $1::text::pg_snapshot) and pg_visible_in_snapshot(xid, target.snapshot)
"""
_BETWEEN = """
    xid >= pg_snapshot_xmin($1::text::pg_snapshot) and xid < pg_snapshot_xmax(target.snapshot) and
"""
# What was written between two snapshots that are near each other: all of it is found by `xid`, and put into its order.
# Where that is more than `_NEAR` rows, `found` says so: to find and order all of them for each page would take as long
# as there are rows, and who is far behind would never catch up.
_SELECT_NEAR = f"""{_TARGET}
select target.snapshot::text as snapshot, target.at, target.life, told.*
from target left join lateral (
    select count(*) over () as found, untold.*
    from (
        select seq, {{columns}} from {{table}}
        where {_BETWEEN} {_UNTOLD}
        limit {{near}} + 1
    ) untold
    order by seq
    limit $3
) told on true
order by told.seq
"""
# Who is far behind reads in the order of `seq`, by its index, from before the first row that it was not told.
_SELECT_BEFORE = f"""{_TARGET}
select coalesce(min(seq) - 1, 0) from target, {{table}} where {_BETWEEN} {_UNTOLD}
"""
_SELECT_FAR = f"""{_TARGET}
select target.snapshot::text as snapshot, target.at, target.life, told.*
from target left join lateral (
    select seq, {{columns}} from {{table}}
    where seq > $4 and {_UNTOLD}
    order by seq
    limit $3
) told on true
order by told.seq
"""
_NEAR = 5_000
# To look through all that is kept once: longer than a statement of a call.
_LOOK = "set local statement_timeout = '60s'"


@dataclass(frozen=True, slots=True)
class Page(Generic[Event]):
    """What a consumer is told at once.

    Args:
        events: what happened, in the order of their sequence numbers; may be empty.
        cursor: where to go on after them.
        more: whether the snapshot that is being read has more; else all that had committed when it was taken was told.
    """

    events: Sequence[Event]
    cursor: Cursor
    more: bool = False


class Reader(Generic[Event]):
    """Reads one table.

    Args:
        database: of the service, its primary.
        table: schema and name. It has `xid xid8 default pg_current_xact_id()` and `seq`, each with an index. `seq` is
            drawn while the row that the event speaks of is locked: then the events of a key are told in the order of
            their commits.
        columns: what else of a row is read.
        read: makes an event of a row.
        keep: how old a cursor may be; at least an hour less than rows are kept.
    """

    def __init__(
        self,
        database: Database,
        table: str,
        columns: Sequence[str],
        read: Callable[[asyncpg.Record], Event],
        *,
        keep: timedelta,
    ) -> None:
        self._database = database
        self._near, self._before, self._far = (
            statement.format(table=table, columns=", ".join(columns), near=_NEAR)
            for statement in (_SELECT_NEAR, _SELECT_BEFORE, _SELECT_FAR)
        )
        self._read = read
        self._keep_seconds = keep.total_seconds()

    async def beginning(self) -> Cursor:
        """A cursor before all that is kept. Raises `Unavailable`, `Overloaded`."""
        return replace(await self.now(), base=BEGINNING)

    async def now(self) -> Cursor:
        """A cursor behind all that has committed: what a listing that begins after it does not show, comes after it.

        Raises:
            Unavailable, Overloaded: the database is away, or no primary.
        """
        _, position, epoch = await self._fetch(self._near, BEGINNING.snapshot, None, 0)
        return Cursor(epoch, position)

    async def page(self, cursor: Cursor, limit: int) -> Page[Event]:
        """Read what comes after a cursor, at most `limit` events.

        Raises:
            CursorExpired: the cursor is too old, or of another life of the database.
            Unavailable, Overloaded: the database is away, or no primary.
        """
        base, target, last = cursor.base.snapshot, cursor.target, cursor.last
        snapshot = target.snapshot if target else None
        if last:
            rows, now, epoch = await self._fetch(self._far, base, snapshot, limit, last)
        else:
            rows, now, epoch = await self._fetch(self._near, base, snapshot, limit)
        if epoch != cursor.epoch:
            raise CursorExpired(detail=f"epoch {cursor.epoch[:32]!r}, now {epoch!r}")
        if cursor.since and now.at - cursor.since > self._keep_seconds:
            raise CursorExpired(detail=f"{now.at - cursor.since} seconds old")
        if not last and rows and rows[0]["found"] > _NEAR:
            last = await self._before_first(base, now.snapshot)
            rows, _, _ = await self._fetch(self._far, base, now.snapshot, limit, last)
        target = target or now
        events = [self._read(row) for row in rows]
        if len(rows) < limit:
            return Page(events, Cursor(epoch, target))
        return Page(events, Cursor(epoch, cursor.base, target, rows[-1]["seq"]), more=True)

    async def pages(self, cursor: Cursor, until: Position, limit: int) -> AsyncIterator[Page[Event]]:
        """Read page after page until all that a snapshot sees was told; at least one page. Raises as `page`."""
        while True:
            page = await self.page(cursor if cursor.target else replace(cursor, target=until), limit)
            cursor = page.cursor
            done = cursor.target is None and cursor.base == until
            yield replace(page, more=not done)
            if done:
                return

    async def _before_first(self, base: str, target: str) -> int:
        """A sequence number before all that was written between two snapshots."""
        async with self._database.transaction() as connection:
            await connection.execute(_LOOK)
            return int(await connection.fetchval(self._before, base, target))

    async def _fetch(
        self, statement: str, base: str, target: str | None, limit: int, *last: int
    ) -> tuple[list[asyncpg.Record], Position, str]:
        """The rows; the snapshot that was read, with the time of now; the epoch."""
        rows = await self._database.fetch(statement, base, target, limit, *last)
        first = rows[0]  # without any event, one row tells the rest
        if first["life"] is None:
            raise Unavailable("database", detail="a standby: feeds are read on the primary")
        epoch = hashlib.sha256(first["life"].encode()).hexdigest()[:16]
        position = Position(first["snapshot"], first["at"])
        return [row for row in rows if row["seq"] is not None], position, epoch
