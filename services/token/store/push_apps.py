"""Push apps."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import asyncpg

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import PushApp
from services.token.records import PushAppRecord, Record

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class PushApps(Section):
    """Push apps."""

    async def select_next_push_access_id(self) -> int:
        """An id that no push app has."""
        return int(await self._database.fetchval(_SQL["select_next_push_access_id"]))

    async def insert_push_app(self, app: PushApp, name: str, now: datetime) -> None:
        """Make a push app. Its id wants a credential row beside it."""
        await self._database.execute(
            _SQL["insert_push_app"],
            app.domain_id,
            app.access_id,
            name,
            app.secret,
            app.tokens_per_account,
            app.append_enabled,
            now,
        )

    async def select_push_app(self, domain_id: str, access_id: int) -> PushApp | None:
        """The push app, `None` where there is none or it is disabled."""
        row = await self._database.fetchrow(_SQL["select_push_app"], domain_id, access_id)
        return PushApp(**row) if row else None

    async def lock_push_app(self, domain_id: str, access_id: int) -> None:
        """Wait until no other transaction changes a push app, and hold others off until this one ends."""
        await self._database.execute(_SQL["lock_push_app"], domain_id, access_id)

    async def select_push_app_record(self, domain_id: str, access_id: int) -> PushAppRecord | None:
        """The push app, enabled or not, `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_push_app_record"], domain_id, access_id)
        return _record(row) if row else None

    async def select_push_app_records(self, domain_id: str, after: int, limit: int) -> list[PushAppRecord]:
        """Push apps in the order of their ids, from the one behind `after`."""
        rows = await self._database.fetch(_SQL["select_push_app_records"], domain_id, after, limit)
        return [_record(row) for row in rows]

    async def update_push_app(self, domain_id: str, changed: PushAppRecord, now: datetime) -> PushAppRecord | None:
        """Change what an operator may; `None` where the push app is not of that version any more."""
        row = await self._database.fetchrow(
            _SQL["update_push_app"],
            domain_id,
            changed.access_id,
            changed.record.version,
            changed.name,
            changed.tokens_per_account,
            changed.append_enabled,
            changed.enabled,
            now,
        )
        return replace(changed, record=replace(changed.record, **row)) if row else None

    async def update_push_app_secret(self, domain_id: str, access_id: int, secret: bytes, now: datetime) -> bool:
        """Replace the secret, encrypted; whether there is such a push app."""
        done = await self._text(_SQL["update_push_app_secret"], domain_id, access_id, secret, now)
        return done is not None

    async def delete_push_app(self, domain_id: str, access_id: int) -> None:
        """Take a push app away. Its credential row stays: nobody gets the id again."""
        await self._database.execute(_SQL["delete_push_app"], domain_id, access_id)


def _record(row: asyncpg.Record) -> PushAppRecord:
    fields = dict(row)
    record = Record(fields.pop("created_at"), fields.pop("updated_at"), fields.pop("version"))
    return PushAppRecord(**fields, record=record)
