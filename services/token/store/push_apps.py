"""Push apps."""

from datetime import datetime
from pathlib import Path

from services.runtime.sql import load_queries
from services.token.model import PushApp
from services.token.store.section import Section

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class PushApps(Section):
    """Push apps."""

    async def select_next_push_access_id(self) -> int:
        """An id that no push app has."""
        return int(await self._database.fetchval(_SQL["select_next_push_access_id"]))

    async def insert_push_app(self, app: PushApp, name: str, now: datetime) -> None:
        """Make a push app. Its id wants a credential row beside it."""
        await self._database.execute(
            _SQL["insert_push_app"],
            app.domain_id,
            app.access_id,
            name,
            app.secret,
            app.tokens_per_account,
            app.append_enabled,
            now,
        )

    async def select_push_app(self, domain_id: str, access_id: int) -> PushApp | None:
        """The push app, `None` where there is none or it is disabled."""
        row = await self._database.fetchrow(_SQL["select_push_app"], domain_id, access_id)
        return PushApp(**row) if row else None
