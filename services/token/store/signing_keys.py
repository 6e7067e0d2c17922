"""The domains' own keys."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import DueKey, SigningKey, StoredKey

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class SigningKeys(Section):
    """The domains' own keys."""

    async def lock_signing_keys(self, domain_id: str) -> None:
        """Hold off others who would change a domain's keys, until the transaction ends."""
        await self._database.execute(_SQL["lock_signing_keys"], domain_id)

    async def insert_signing_key(self, key: StoredKey, now: datetime, activates_at: datetime | None = None) -> bool:
        """Keep a new key.

        Args:
            key: its state is `active` or `next`.
            now: when it was made.
            activates_at: from when it may sign; `None`: now.

        Returns:
            Whether it is kept; false where the domain has one of its use and state.
        """
        kept = await self._text(
            _SQL["insert_signing_key"],
            key.domain_id,
            key.key_id,
            key.use,
            key.algorithm,
            key.state,
            key.public_key,
            key.private_key,
            now,
            activates_at or now,
        )
        return kept is not None

    async def select_signing_keys(self) -> tuple[list[StoredKey], str | None]:
        """Every key of every domain that still verifies, the newest first, and what to ask for changes with.

        Where there is no key, that is `None`.
        """
        return _read(await self._database.fetch(_SQL["select_signing_keys"]))

    async def select_changed_signing_keys(self, since: str) -> tuple[list[StoredKey], str | None]:
        """The keys that were changed since an answer, the newest first, and what to ask for the next ones with.

        Args:
            since: the second part of the last answer. Keys that were known then may be among them.
        """
        return _read(await self._database.fetch(_SQL["select_changed_signing_keys"], since))

    async def select_signing_key_page(
        self, domain_id: str, after: tuple[datetime, str] | None, limit: int
    ) -> list[SigningKey]:
        """A domain's keys, retired ones included, the newest first.

        Args:
            domain_id: the domain.
            after: when the last one of the page before was made, and its id; `None` for the first page.
            limit: how many at the most.
        """
        rows = await self._database.fetch(_SQL["select_signing_key_page"], domain_id, *(after or (None, None)), limit)
        return [SigningKey(**row) for row in rows]

    async def select_signing_key(self, domain_id: str, key_id: str) -> SigningKey | None:
        """A key of a domain, `None` where it has none of that id."""
        row = await self._database.fetchrow(_SQL["select_signing_key"], domain_id, key_id)
        return SigningKey(**row) if row else None

    async def select_signing_key_in(self, domain_id: str, use: str, state: str) -> SigningKey | None:
        """The key of a use that is `active`, or `next`; `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_signing_key_in"], domain_id, use, state)
        return SigningKey(**row) if row else None

    async def retire_signing_key(self, domain_id: str, key_id: str, verify_until: datetime) -> None:
        """Let the active key sign no more; it verifies until then."""
        await self._database.execute(_SQL["retire_signing_key"], domain_id, key_id, verify_until)

    async def activate_signing_key(self, domain_id: str, key_id: str, now: datetime) -> None:
        """Let the next key sign. The active one has to be retired before."""
        await self._database.execute(_SQL["activate_signing_key"], domain_id, key_id, now)

    async def end_signing_key(self, domain_id: str, key_id: str, now: datetime, *, revoked: bool) -> bool:
        """Let a key verify no more, and forget its private part. Answers whether it did verify."""
        return await self._text(_SQL["end_signing_key"], domain_id, key_id, now, revoked) is not None

    async def select_due_signing_keys(self, now: datetime, ahead: timedelta, limit: int) -> list[DueKey]:
        """What rotation has to do in all domains, the longest overdue first.

        Args:
            now: until when it is due.
            ahead: how long before it is to sign a key is published.
            limit: how many at the most.
        """
        return [DueKey(**row) for row in await self._database.fetch(_SQL["select_due_signing_keys"], now, ahead, limit)]


def _read(rows: list[Any]) -> tuple[list[StoredKey], str | None]:
    read = [dict(row) for row in rows]
    seen = [row.pop("seen") for row in read]
    return [StoredKey(**row) for row in read if row["key_id"] is not None], seen[0] if seen else None
