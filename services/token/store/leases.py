"""Work that one process of all does at a time, whichever (docs/adr/0027)."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Leases(Section):
    """Work that one process of all does at a time, whichever."""

    async def take_lease(self, name: str, holder: UUID, now: datetime, expires_at: datetime) -> bool:
        """Take a lease that is free, or prolong one's own.

        Args:
            name: of the work.
            holder: the process.
            now: a lease that expired until then is free.
            expires_at: until when it is to be held.

        Returns:
            Whether the process holds it; false where another one does.
        """
        return await self._text(_SQL["take_lease"], name, holder, now, expires_at) is not None

    async def release_lease(self, name: str, holder: UUID) -> None:
        """Give a lease back before it expires. One that another process has stays as it is."""
        await self._database.execute(_SQL["release_lease"], name, holder)
