"""All that there is of a user: moved, told, erased."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.account.model import KnownIdentity, LinkEvent, Merged, OpenAccount, PendingProof
from services.account.model.proofs import LIFETIME
from services.runtime.ids import lowest_uuid7
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class UserData(Section):
    """All that there is of a user: moved, told, erased."""

    async def merge_users(
        self, domain_id: str, from_user_id: str, into_user_id: str, *, now: datetime, actor: str
    ) -> Merged | None:
        """Make all links and open accounts of one user another's, and tell the feed. Of two that cross, one is first.

        Returns:
            How many of them; `None` where one of the two was deleted, and then none.
        """
        row = await self._database.fetchrow(_SQL["merge_users"], domain_id, from_user_id, into_user_id, now, actor)
        assert row is not None  # the function always answers
        return Merged(row["links"], row["open_accounts"]) if row["verdict"] == "merged" else None

    async def remember_user(self, domain_id: str, user_id: str, now: datetime) -> None:
        """Keep in mind what a user has who is to be erased, in the transaction that orders it."""
        await self._database.execute(_SQL["remember_user"], domain_id, user_id, now)

    async def forget_user(self, domain_id: str, user_id: str, since: datetime) -> None:
        """Keep in mind no longer what was since then of a user, who is not erased. Before, it was another of its id."""
        await self._database.execute(_SQL["forget_user"], domain_id, user_id, since)

    async def erase_user(
        self, domain_id: str, user_id: str, *, before: datetime, now: datetime, actor: str
    ) -> list[KnownIdentity]:
        """Take away links and open accounts of a user whom token has erased, and what the feed tells of it.

        Args:
            domain_id: its domain.
            user_id: its id.
            before: what was made later is another user's of this id.
            now: the time.
            actor: whose deed it is.

        Returns:
            All identities that were taken from it within a day.
        """
        rows = await self._database.fetch(_SQL["erase_user"], domain_id, user_id, before, now, actor)
        return [KnownIdentity(**row) for row in rows]

    async def select_identities_of_user(self, domain_id: str, user_id: str) -> list[KnownIdentity]:
        """Identities of a user, those of its open accounts included; empty where there are none."""
        rows = await self._database.fetch(_SQL["select_identities_of_user"], domain_id, user_id)
        return [KnownIdentity(**row) for row in rows]

    async def select_open_accounts_of_user(self, domain_id: str, user_id: str) -> list[OpenAccount]:
        """Open accounts of a user, the oldest first; empty where there are none."""
        rows = await self._database.fetch(_SQL["select_open_accounts_of_user"], domain_id, user_id)
        return [OpenAccount(**row) for row in rows]

    async def select_pending_proofs(self, domain_id: str, user_id: str, now: datetime) -> list[PendingProof]:
        """What may still prove an identity to be a user's, the oldest first; empty where nothing does."""
        rows = await self._database.fetch(
            _SQL["select_pending_proofs"], domain_id, user_id, lowest_uuid7(now - LIFETIME), now
        )
        return [PendingProof(**row) for row in rows]

    async def select_link_events_of_user(
        self, domain_id: str, user_id: str, after: UUID, limit: int
    ) -> list[LinkEvent]:
        """What became of a user's links after an event, the oldest first; empty where nothing did."""
        rows = await self._database.fetch(_SQL["select_link_events_of_user"], domain_id, user_id, after, limit)
        return [LinkEvent(**row) for row in rows]

    async def select_domains_of_erased(self, before: datetime) -> list[str]:
        """Domains that keep identities of users who were erased before then."""
        rows = await self._database.fetch(_SQL["select_domains_of_erased"], before)
        return [row["domain_id"] for row in rows]

    async def delete_erased(self, domain_id: str, before: datetime) -> None:
        """Forget a domain's identities of users who were erased before then."""
        await self._database.execute(_SQL["delete_erased"], domain_id, before)
