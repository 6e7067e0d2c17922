"""Domains and whose an id is."""

from datetime import datetime
from pathlib import Path

from services.runtime.sql import load_queries
from services.token.model import Domain
from services.token.store.section import Section

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Domains(Section):
    """Domains and whose an id is."""

    async def lock_domains(self) -> None:
        """Wait until no other transaction makes a domain, and hold others off until this one ends."""
        await self._database.execute(_SQL["lock_domains"])

    async def select_any_domain(self) -> str | None:
        """Id of some domain, `None` where there is none."""
        return await self._text(_SQL["select_any_domain"])

    async def insert_domain(self, domain: Domain, now: datetime) -> None:
        """Make a domain. Its issuer wants a credential row beside it."""
        await self._database.execute(_SQL["insert_domain"], domain.domain_id, domain.issuer, domain.scopes, now)

    async def select_domain(self, domain_id: str) -> Domain | None:
        """The domain, `None` where there is none of that id."""
        row = await self._database.fetchrow(_SQL["select_domain"], domain_id)
        if row is None:
            return None
        return Domain(**dict(row) | {"scopes": tuple(row["scopes"])})

    async def insert_credential(self, identifier: str, domain_id: str, kind: str) -> None:
        """Take an id for a domain. Unique over all domains."""
        await self._database.execute(_SQL["insert_credential"], identifier, domain_id, kind)

    async def select_credential(self, identifier: str) -> tuple[str, str] | None:
        """Domain and kind of an id, `None` where nobody has it."""
        row = await self._database.fetchrow(_SQL["select_credential"], identifier)
        return (row["domain_id"], row["kind"]) if row else None
