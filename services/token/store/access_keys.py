"""Access keys."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import asyncpg

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import AccessKey, AccessKeyLimits
from services.token.records import AccessKeyRecord, Record

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class AccessKeys(Section):
    """Access keys."""

    async def insert_access_key(
        self,
        domain_id: str,
        access_key_id: str,
        secret: bytes,
        *,
        name: str,
        permissions: tuple[str, ...],
        limits: AccessKeyLimits,
        now: datetime,
    ) -> None:
        """Make an access key, its secret encrypted. Its id wants a credential row beside it."""
        await self._database.execute(
            _SQL["insert_access_key"],
            domain_id,
            access_key_id,
            secret,
            permissions,
            now,
            name,
            limits.paths,
            limits.networks,
            limits.refuse_acs,
        )

    async def select_access_key(self, domain_id: str, access_key_id: str) -> AccessKey | None:
        """The key, enabled or not, its secret encrypted; `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_access_key"], domain_id, access_key_id)
        if row is None:
            return None
        limits = AccessKeyLimits(tuple(row["paths"]), tuple(row["networks"]), row["refuse_acs"])
        return AccessKey(
            row["domain_id"], row["access_key_id"], row["secret"], tuple(row["permissions"]), row["enabled"], limits
        )

    async def lock_access_key(self, domain_id: str, access_key_id: str) -> None:
        """Wait until no other transaction changes an access key, and hold others off until this one ends."""
        await self._database.execute(_SQL["lock_access_key"], domain_id, access_key_id)

    async def select_access_key_record(self, domain_id: str, access_key_id: str) -> AccessKeyRecord | None:
        """The key, `None` where the domain has none of that id."""
        row = await self._database.fetchrow(_SQL["select_access_key_record"], domain_id, access_key_id)
        return _record(row) if row else None

    async def select_access_key_records(self, domain_id: str, after: str, limit: int) -> list[AccessKeyRecord]:
        """Keys in the order of their ids, from the one behind `after`."""
        rows = await self._database.fetch(_SQL["select_access_key_records"], domain_id, after, limit)
        return [_record(row) for row in rows]

    async def update_access_key(
        self, domain_id: str, changed: AccessKeyRecord, now: datetime
    ) -> AccessKeyRecord | None:
        """Change what an operator may; `None` where the key is not of that version any more."""
        row = await self._database.fetchrow(
            _SQL["update_access_key"],
            domain_id,
            changed.access_key_id,
            changed.record.version,
            changed.name,
            changed.permissions,
            changed.enabled,
            changed.paths,
            changed.networks,
            changed.refuse_acs,
            now,
        )
        return replace(changed, record=replace(changed.record, **row)) if row else None

    async def delete_access_key(self, domain_id: str, access_key_id: str) -> None:
        """Take a key away. Its credential row stays: nobody gets the id again."""
        await self._database.execute(_SQL["delete_access_key"], domain_id, access_key_id)


def _record(row: asyncpg.Record) -> AccessKeyRecord:
    return AccessKeyRecord(
        row["access_key_id"],
        row["name"],
        tuple(row["permissions"]),
        row["enabled"],
        tuple(row["paths"]),
        tuple(row["networks"]),
        row["refuse_acs"],
        Record(row["created_at"], row["updated_at"], row["version"]),
    )
