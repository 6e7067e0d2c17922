"""Links, many at a time."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from services.account.model import Identity, Link, PlacedLink
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class LinkLists(Section):
    """Links, many at a time."""

    async def select_links_of(self, domain_id: str, identities: Sequence[Identity]) -> list[Link | None]:
        """The link of each identity, in their order; `None` for one that is not linked."""
        rows = await self._database.fetch(
            _SQL["select_links_of"],
            domain_id,
            [identity.type for identity in identities],
            [identity.key for identity in identities],
        )
        return [Link(**row) if row["domain_id"] else None for row in rows]

    async def select_links_page(self, domain_id: str, after: tuple[str, str], limit: int) -> list[PlacedLink]:
        """The links of a domain after a type and key, by these, at most `limit`."""
        return await self._placed(_SQL["select_links_page"], domain_id, *after, limit)

    async def select_links_of_type_page(self, domain_id: str, type_: str, after: str, limit: int) -> list[PlacedLink]:
        """The links of one type after a key, by their keys, at most `limit`."""
        return await self._placed(_SQL["select_links_of_type_page"], domain_id, type_, after, limit)

    async def select_links_of_user_page(
        self, domain_id: str, user_id: str, type_: str, after: tuple[datetime, str, str], limit: int
    ) -> list[PlacedLink]:
        """The links of a user after a time, type and key, the oldest first, at most `limit`; an empty type: any."""
        return await self._placed(_SQL["select_links_of_user_page"], domain_id, user_id, type_, *after, limit)

    async def _placed(self, query: str, *args: Any) -> list[PlacedLink]:
        return [_placed(row) for row in await self._database.fetch(query, *args)]


def _placed(row: asyncpg.Record) -> PlacedLink:
    fields = dict(row)
    return PlacedLink(fields.pop("identity_key"), Link(**fields))
