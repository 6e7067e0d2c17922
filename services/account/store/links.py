"""Links of identities to users."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.account.model import Identity, Link
from services.account.model.proofs import LIFETIME
from services.runtime.ids import lowest_uuid7
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Links(Section):
    """Links of identities to users."""

    async def link_identity(
        self,
        domain_id: str,
        identity: Identity,
        user_id: str,
        *,
        now: datetime,
        event_id: UUID,
        actor: str,
        create_access_key: str | None = None,
    ) -> str:
        """Link an identity to a user unless it is linked. Of many racers one links.

        A new link tells the access key, or app, that made it; `None`: the user itself did.

        Returns:
            The verdict of the function: `linked`; `kept` where it is this user's already; `taken`; `gone`;
            `full`.
        """
        verdict: str = await self._database.fetchval(
            _SQL["link_identity"],
            domain_id,
            identity.type,
            identity.key,
            identity.given,
            identity.extra,
            user_id,
            now,
            event_id,
            actor,
            create_access_key,
        )
        return verdict

    async def unlink_identity(
        self,
        domain_id: str,
        identity: Identity,
        user_id: str,
        *,
        now: datetime,
        event_id: UUID,
        actor: str,
        keep_last: bool = False,
    ) -> str:
        """Take an identity from a user; the user's pending proofs end.

        Returns:
            The verdict of the function: `unlinked`; `absent` where it is not linked to it; `last` where it is the
            user's only one, and the domain or `keep_last` wants it kept.
        """
        verdict: str = await self._database.fetchval(
            _SQL["unlink_identity"],
            domain_id,
            identity.type,
            identity.key,
            user_id,
            now,
            lowest_uuid7(now - LIFETIME),
            event_id,
            actor,
            keep_last,
        )
        return verdict

    async def update_link_name(self, domain_id: str, identity: Identity, display_name: str) -> None:
        """Keep what an identity is called; nothing is written where it is called so, or not linked."""
        await self._database.execute(_SQL["update_link_name"], domain_id, identity.type, identity.key, display_name)

    async def select_link(self, domain_id: str, identity: Identity) -> Link | None:
        """The link of an identity; `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_link"], domain_id, identity.type, identity.key)
        return Link(**row) if row else None

    async def select_links_of_user(self, domain_id: str, user_id: str) -> list[Link]:
        """The links of a user, the oldest first; empty where there are none."""
        rows = await self._database.fetch(_SQL["select_links_of_user"], domain_id, user_id)
        return [Link(**row) for row in rows]
