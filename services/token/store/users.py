"""Users."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.runtime.sql import load_queries
from services.token.model import User
from services.token.store.section import Section

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Users(Section):
    """Users."""

    async def insert_user(
        self,
        domain_id: str,
        user: User,
        *,
        user_name: str,
        nick_name: str,
        avatar: str,
        default_drive_id: str,
        now: datetime,
    ) -> bool:
        """Make an enabled user; whether its id was free."""
        made = await self._text(
            _SQL["insert_user"], domain_id, user.user_id, user_name, nick_name, avatar, default_drive_id, user.role, now
        )
        return made is not None

    async def select_user(self, domain_id: str, user_id: str) -> User | None:
        """The user, `None` where the domain has none of that id."""
        row = await self._database.fetchrow(_SQL["select_user"], domain_id, user_id)
        return User(**row) if row else None

    async def set_user_status(self, domain_id: str, user_id: str, status: str, actor: str, event_id: UUID) -> bool:
        """Enable or disable a user with all its sessions; whether there is one. Audited in the same transaction."""
        return bool(await self._database.fetchval(_SQL["set_user_status"], domain_id, user_id, status, actor, event_id))

    async def check_user_limit(self, domain_id: str, limit: int, now: datetime) -> bool:
        """Whether a domain of at most `limit` users may have one more, whom the same transaction then makes."""
        return bool(await self._database.fetchval(_SQL["check_user_limit"], domain_id, limit, now))
