"""What became of users, for services that keep data of theirs."""

from pathlib import Path
from uuid import UUID

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import UserEventKind

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class UserEvents(Section):
    """What became of users, for services that keep data of theirs."""

    async def insert_user_event(self, domain_id: str, event_id: UUID, user_id: str, kind: UserEventKind) -> None:
        """Tell what happens to a user: in the transaction that changes its row, after that statement."""
        await self._database.execute(_SQL["insert_user_event"], domain_id, event_id, user_id, kind)
