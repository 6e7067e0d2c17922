"""Apps and the keys that verify their assertions."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import App, AppType, StoredTrustedKey
from services.token.records import AppRecord, Record, TrustedKeyRecord

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Apps(Section):
    """Apps and the keys that verify their assertions."""

    async def insert_app(
        self,
        domain_id: str,
        client_id: str,
        *,
        name: str,
        app_type: AppType,
        admitted: bool,
        redirect_uris: tuple[str, ...],
        scopes: tuple[str, ...],
        permissions: tuple[str, ...],
        push_access_ids: tuple[int, ...],
        secret_hashes: tuple[bytes, ...],
        now: datetime,
        description: str = "",
        logo: str = "",
        skip_consent: bool = False,
        device_flow: bool = False,
    ) -> None:
        """Make an app. Its id wants a credential row beside it, its keys rows of their own."""
        await self._database.execute(
            _SQL["insert_app"],
            domain_id,
            client_id,
            name,
            app_type.value,
            admitted,
            redirect_uris,
            scopes,
            permissions,
            push_access_ids,
            secret_hashes,
            now,
            description,
            logo,
            skip_consent,
            device_flow,
        )

    async def select_app(self, domain_id: str, client_id: str) -> App | None:
        """The app without its keys, `None` where the domain has none of that id."""
        row = await self._database.fetchrow(_SQL["select_app"], domain_id, client_id)
        return _app(dict(row)) if row else None

    async def lock_app(self, domain_id: str, client_id: str) -> None:
        """Wait until no other transaction changes an app, and hold others off until this one ends."""
        await self._database.execute(_SQL["lock_app"], domain_id, client_id)

    async def select_app_record(self, domain_id: str, client_id: str) -> AppRecord | None:
        """All of an app, `None` where the domain has none of that id."""
        row = await self._database.fetchrow(_SQL["select_app_record"], domain_id, client_id)
        return _app_record(row) if row else None

    async def select_app_records(
        self, domain_id: str, after: str, *, app_type: AppType | None, admitted: bool | None, limit: int
    ) -> list[AppRecord]:
        """Apps in the order of their ids, from the one behind `after`; the filters may be absent."""
        rows = await self._database.fetch(_SQL["select_app_records"], domain_id, after, app_type, admitted, limit)
        return [_app_record(row) for row in rows]

    async def update_app(self, changed: AppRecord, now: datetime) -> AppRecord | None:
        """Change what an operator may; `None` where the app is not of that version any more."""
        app = changed.app
        row = await self._database.fetchrow(
            _SQL["update_app"],
            app.domain_id,
            app.client_id,
            changed.record.version,
            app.name,
            app.description,
            app.logo,
            app.redirect_uris,
            app.scopes,
            app.permissions,
            app.push_access_ids,
            app.grace,
            app.grace_repeats,
            app.repeat_until_used,
            app.session_idle,
            app.session_lifetime,
            app.token_type,
            now,
            app.skip_consent,
            app.device_flow,
        )
        return replace(changed, record=replace(changed.record, **row)) if row else None

    async def update_app_secrets(self, changed: AppRecord, secret_hashes: tuple[bytes, ...], now: datetime) -> None:
        """Give an app other secrets. Nothing happens where it is not of that version, so its row has to be held."""
        app = changed.app
        await self._database.execute(
            _SQL["update_app_secrets"], app.domain_id, app.client_id, changed.record.version, secret_hashes, now
        )

    async def update_app_admitted(
        self, domain_id: str, client_id: str, *, admitted: bool, now: datetime
    ) -> bool | None:
        """Admit an app, or take that back; whether it was otherwise, `None` where the domain has none of that id."""
        done: bool | None = await self._database.fetchval(
            _SQL["update_app_admitted"], domain_id, client_id, admitted, now
        )
        return done

    async def delete_app(self, domain_id: str, client_id: str) -> None:
        """Take an app away, and its keys. Its credential row stays: nobody gets the id again."""
        await self._database.execute(_SQL["delete_app"], domain_id, client_id)

    async def insert_trusted_key(self, domain_id: str, client_id: str, key: StoredTrustedKey, now: datetime) -> None:
        """Trust one more key of an app."""
        await self._database.execute(
            _SQL["insert_trusted_key"], domain_id, client_id, key.key_id, key.algorithm, key.public_key, now
        )

    async def select_trusted_keys(self, domain_id: str, client_id: str) -> list[StoredTrustedKey]:
        """The enabled keys of an app, the newest first; may be empty."""
        rows = await self._database.fetch(_SQL["select_trusted_keys"], domain_id, client_id)
        return [StoredTrustedKey(row["key_id"], row["algorithm"], row["public_key"]) for row in rows]

    async def select_trusted_key_records(
        self, domain_id: str, client_id: str, after: str, limit: int
    ) -> list[TrustedKeyRecord]:
        """Keys of an app, enabled or not, in the order of their ids, from the one behind `after`."""
        rows = await self._database.fetch(_SQL["select_trusted_key_records"], domain_id, client_id, after, limit)
        return [TrustedKeyRecord(**row) for row in rows]

    async def update_trusted_key(
        self, domain_id: str, client_id: str, key_id: str, *, enabled: bool
    ) -> TrustedKeyRecord | None:
        """Enable or disable a key; `None` where the app has none of that id."""
        row = await self._database.fetchrow(_SQL["update_trusted_key"], domain_id, client_id, key_id, enabled)
        return TrustedKeyRecord(**row) if row else None

    async def delete_trusted_key(self, domain_id: str, client_id: str, key_id: str) -> bool:
        """Take a key from an app; whether it had it."""
        return await self._text(_SQL["delete_trusted_key"], domain_id, client_id, key_id) is not None

    async def check_app_limit(self, domain_id: str, limit: int) -> bool:
        """Whether a domain of at most `limit` apps may have one more, which the same transaction then makes."""
        return bool(await self._database.fetchval(_SQL["check_app_limit"], domain_id, limit))


def _app(row: Mapping[str, Any]) -> App:
    lists = ("redirect_uris", "scopes", "permissions", "push_access_ids", "secret_hashes")
    return App(**{**row, "type": AppType(row["type"])} | {name: tuple(row[name]) for name in lists})


def _app_record(row: asyncpg.Record) -> AppRecord:
    fields = dict(row)
    record = Record(fields.pop("created_at"), fields.pop("updated_at"), fields.pop("version"))
    return AppRecord(_app(fields), record)
