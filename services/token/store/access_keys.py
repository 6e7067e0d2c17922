"""Access keys."""

from datetime import datetime
from pathlib import Path

from services.runtime.sql import load_queries
from services.token.store.section import Section

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class AccessKeys(Section):
    """Access keys."""

    async def insert_access_key(
        self, domain_id: str, access_key_id: str, secret: bytes, permissions: tuple[str, ...], now: datetime
    ) -> None:
        """Make an access key, its secret encrypted. Its id wants a credential row beside it."""
        await self._database.execute(_SQL["insert_access_key"], domain_id, access_key_id, secret, permissions, now)
