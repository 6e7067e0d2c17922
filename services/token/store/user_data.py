"""All that there is of a user: ended, told, erased."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import KeptSession, OpenSession

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class UserData(Section):
    """All that there is of a user: ended, told, erased."""

    async def sign_user_out(
        self,
        domain_id: str,
        user_id: str,
        *,
        session_ids: Sequence[UUID],
        browser_ids: Sequence[UUID],
        actor: str,
        now: datetime,
        event_id: UUID,
    ) -> None:
        """End some sessions of a user, and what was begun in some browsers, each with audit row and revocation."""
        await self._database.execute(
            _SQL["sign_user_out"], domain_id, user_id, session_ids, browser_ids, actor, now, event_id
        )

    async def end_user_sessions(
        self, domain_id: str, user_id: str, *, actor: str, now: datetime, event_id: UUID
    ) -> None:
        """End a user's sessions, codes and access tokens, with audit row and revocation. No such user: nothing."""
        await self._database.execute(_SQL["end_user_sessions"], domain_id, user_id, actor, now, event_id)

    async def erase_user(
        self,
        domain_id: str,
        user_id: str,
        *,
        before: datetime,
        roles: tuple[str, ...],
        pseudonym: str,
        actor: str,
        now: datetime,
        event_id: UUID,
    ) -> str:
        """Delete a user as `delete_user` does, unless it was made after `before`.

        Args:
            domain_id: its domain.
            user_id: its id.
            before: who was made later is another.
            roles: those of the users whom it may hit.
            pseudonym: what its audit rows say in place of its id.
            actor: whose deed it is.
            now: the time.
            event_id: of all that is written beside.

        Returns:
            The verdict of the function.
        """
        verdict: str = await self._database.fetchval(
            _SQL["erase_user"], domain_id, user_id, before, roles, pseudonym, actor, now, event_id
        )
        return verdict

    async def select_kept_sessions(self, domain_id: str, user_id: str, after: UUID, limit: int) -> list[KeptSession]:
        """The sessions of a user that began after one, also those that are over, the oldest first."""
        rows = await self._database.fetch(_SQL["select_kept_sessions"], domain_id, user_id, after, limit)
        found = []
        for row in rows:
            values = dict(row)
            revoked_at = values.pop("revoked_at")
            found.append(KeptSession(OpenSession(**values | {"scopes": tuple(values["scopes"])}), revoked_at))
        return found

    async def select_access_ids(self, domain_id: str) -> list[int]:
        """Ids of a domain's push apps, enabled or not, in their order."""
        return [row["access_id"] for row in await self._database.fetch(_SQL["select_access_ids"], domain_id)]
