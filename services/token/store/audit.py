"""The audit log."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from services.runtime.ids import lowest_uuid7
from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import AuditEvent, AuditFilter, Event

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Audit(Section):
    """The audit log."""

    async def insert_audit(self, event: Event) -> None:
        """Write an event down."""
        await self._database.execute(
            _SQL["insert_audit"],
            event.domain_id,
            event.event_id,
            event.event,
            event.client_id,
            event.user_id,
            event.actor,
            event.detail,
        )

    async def select_audit_newest(
        self, domain_id: str, wanted: AuditFilter, *, before: UUID | None, look: int, rows: int
    ) -> tuple[list[AuditEvent], UUID | None]:
        """Events of a domain, the newest first. Of a user: `select_audit_of_user`.

        Args:
            domain_id: the domain.
            wanted: which.
            before: where the page before this one ended.
            look: how many rows are looked at, at the most.
            rows: how many are answered, at the most.

        Returns:
            Those that fit; and, where `look` rows were looked at, the last of them: others may follow it.
        """
        end = min(before, lowest_uuid7(wanted.end)) if before else lowest_uuid7(wanted.end)
        return _looked_at(
            await self._database.fetch(
                _SQL["select_audit_newest"],
                domain_id,
                lowest_uuid7(wanted.start),
                end,
                wanted.event,
                wanted.client_id,
                wanted.session_id,
                look,
                rows,
            ),
            look,
        )

    async def select_audit_oldest(
        self, domain_id: str, wanted: AuditFilter, *, after: UUID | None, look: int, rows: int
    ) -> tuple[list[AuditEvent], UUID | None]:
        """Events of a domain, the oldest first: as `select_audit_newest`."""
        start = max(after, lowest_uuid7(wanted.start)) if after else lowest_uuid7(wanted.start)
        return _looked_at(
            await self._database.fetch(
                _SQL["select_audit_oldest"],
                domain_id,
                start,
                lowest_uuid7(wanted.end),
                wanted.event,
                wanted.client_id,
                wanted.session_id,
                look,
                rows,
            ),
            look,
        )

    async def select_audit_of_user(
        self, domain_id: str, wanted: AuditFilter, *, key: UUID | None, newest_first: bool, rows: int
    ) -> list[AuditEvent]:
        """Events of the one user whose ids `wanted` has, after the one that `key` names in the order asked for."""
        start, end = lowest_uuid7(wanted.start), lowest_uuid7(wanted.end)
        if key and newest_first:
            end = min(end, key)
        elif key:
            start = max(start, key)
        found = await self._database.fetch(
            _SQL["select_audit_of_user"],
            domain_id,
            start,
            end,
            wanted.user_ids,
            wanted.event,
            wanted.client_id,
            wanted.session_id,
            newest_first,
            rows,
        )
        return [AuditEvent(**row) for row in found]

    async def select_audit_retentions(self, below: timedelta) -> list[tuple[str, timedelta]]:
        """Domains that keep their events for less than this, and for how long."""
        rows = await self._database.fetch(_SQL["select_audit_retentions"], below)
        return [(row["domain_id"], row["audit_retention"]) for row in rows]

    async def select_oldest_audit(self, domain_id: str) -> UUID | None:
        """Id of a domain's oldest event, `None` where it has none."""
        value: UUID | None = await self._database.fetchval(_SQL["select_oldest_audit"], domain_id)
        return value

    async def sweep_audit(self, domain_id: str, after: UUID, before: UUID, rows: int) -> UUID | None:
        """Delete a domain's oldest events between two ids.

        Returns:
            Where it ended; `None` where nothing was left, or another process is at it.
        """
        value: UUID | None = await self._database.fetchval(_SQL["sweep_audit"], domain_id, after, before, rows)
        return value


def _looked_at(rows: list[asyncpg.Record], look: int) -> tuple[list[AuditEvent], UUID | None]:
    values = [dict(row) for row in rows]
    looked, last = values[0]["looked"], values[0]["last_id"]
    for each in values:
        del each["looked"], each["last_id"]
    return [AuditEvent(**each) for each in values if each["event_id"]], last if looked == look else None
