"""Domains and whose an id is."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import Domain
from services.token.records import DomainRecord, Record

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Domains(Section):
    """Domains and whose an id is."""

    async def lock_domains(self) -> None:
        """Wait until no other transaction makes a domain, and hold others off until this one ends."""
        await self._database.execute(_SQL["lock_domains"])

    async def select_any_domain(self) -> str | None:
        """Id of some domain, `None` where there is none."""
        return await self._text(_SQL["select_any_domain"])

    async def insert_domain(self, domain: Domain, now: datetime) -> bool:
        """Make a domain; whether its id was free. Its issuer wants a credential row beside it."""
        made = await self._text(_SQL["insert_domain"], domain.domain_id, domain.issuer, domain.scopes, now, domain.name)
        return made is not None

    async def insert_issuer(self, issuer: str, domain_id: str) -> bool:
        """Take an issuer for a domain; whether it was free."""
        return await self._text(_SQL["insert_issuer"], issuer, domain_id) is not None

    async def lock_domain(self, domain_id: str) -> None:
        """Wait until no other transaction holds the domain, and hold others off until this one ends."""
        await self._database.execute(_SQL["lock_domain"], domain_id)

    async def select_domain(self, domain_id: str) -> Domain | None:
        """The domain, `None` where there is none of that id."""
        row = await self._database.fetchrow(_SQL["select_domain"], domain_id)
        return _domain(dict(row)) if row else None

    async def select_domain_record(self, domain_id: str) -> DomainRecord | None:
        """All of a domain, `None` where there is none of that id."""
        row = await self._database.fetchrow(_SQL["select_domain_record"], domain_id)
        return _record(row) if row else None

    async def select_domain_records(self, after: str, limit: int) -> list[DomainRecord]:
        """Domains in the order of their ids, from the one behind `after`."""
        return [_record(row) for row in await self._database.fetch(_SQL["select_domain_records"], after, limit)]

    async def update_domain(self, changed: DomainRecord, now: datetime) -> DomainRecord | None:
        """Change what an operator may; `None` where the domain is not of that version any more."""
        domain = changed.domain
        row = await self._database.fetchrow(
            _SQL["update_domain"],
            domain.domain_id,
            changed.record.version,
            domain.name,
            domain.scopes,
            domain.impersonate_superadmins,
            domain.algorithm,
            domain.rotation_period,
            domain.audit_retention,
            domain.grants_per_second,
            domain.max_users,
            domain.max_apps,
            now,
        )
        return replace(changed, record=replace(changed.record, **row)) if row else None

    async def insert_credential(self, identifier: str, domain_id: str, kind: str) -> None:
        """Take an id for a domain. Unique over all domains."""
        await self._database.execute(_SQL["insert_credential"], identifier, domain_id, kind)

    async def select_credential(self, identifier: str) -> tuple[str, str] | None:
        """Domain and kind of an id, `None` where nobody has it."""
        row = await self._database.fetchrow(_SQL["select_credential"], identifier)
        return (row["domain_id"], row["kind"]) if row else None


def _domain(row: Mapping[str, Any]) -> Domain:
    return Domain(**{**row, "scopes": tuple(row["scopes"])})


def _record(row: asyncpg.Record) -> DomainRecord:
    fields = dict(row)
    record = Record(fields.pop("created_at"), fields.pop("updated_at"), fields.pop("version"))
    return DomainRecord(_domain(fields), record)
