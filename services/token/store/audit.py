"""The audit log."""

from pathlib import Path

from services.runtime.sql import load_queries
from services.token.model import Event
from services.token.store.section import Section

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Audit(Section):
    """The audit log."""

    async def insert_audit(self, event: Event) -> None:
        """Write an event down."""
        await self._database.execute(
            _SQL["insert_audit"],
            event.domain_id,
            event.event_id,
            event.event,
            event.client_id,
            event.user_id,
            event.actor,
            event.detail,
        )
