"""Access tokens that are good no longer."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.runtime.sql import load_queries
from services.token.store.section import Section

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Revocations(Section):
    """Access tokens that are good no longer."""

    async def insert_app_revocation(self, domain_id: str, event_id: UUID, client_id: str, now: datetime) -> None:
        """Revoke every access token that an app, or an access key, was given until now. Its row has to be held."""
        await self._database.execute(_SQL["insert_app_revocation"], domain_id, event_id, client_id, now)
