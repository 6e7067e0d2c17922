"""Apps and the keys that verify their assertions."""

from datetime import datetime
from pathlib import Path

from services.runtime.sql import load_queries
from services.token.model import App, AppType, StoredTrustedKey
from services.token.store.section import Section

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Apps(Section):
    """Apps and the keys that verify their assertions."""

    async def insert_app(
        self,
        domain_id: str,
        client_id: str,
        *,
        name: str,
        app_type: AppType,
        admitted: bool,
        redirect_uris: tuple[str, ...],
        scopes: tuple[str, ...],
        permissions: tuple[str, ...],
        push_access_ids: tuple[int, ...],
        secret_hashes: tuple[bytes, ...],
        now: datetime,
    ) -> None:
        """Make an app. Its id wants a credential row beside it, its keys rows of their own."""
        await self._database.execute(
            _SQL["insert_app"],
            domain_id,
            client_id,
            name,
            app_type.value,
            admitted,
            redirect_uris,
            scopes,
            permissions,
            push_access_ids,
            secret_hashes,
            now,
        )

    async def select_app(self, domain_id: str, client_id: str) -> App | None:
        """The app without its keys, `None` where the domain has none of that id."""
        row = await self._database.fetchrow(_SQL["select_app"], domain_id, client_id)
        if row is None:
            return None
        lists = ("redirect_uris", "scopes", "permissions", "push_access_ids", "secret_hashes")
        return App(**dict(row) | {"type": AppType(row["type"])} | {name: tuple(row[name]) for name in lists})

    async def update_app_admitted(self, domain_id: str, client_id: str) -> bool:
        """Admit an app; whether there is one. Idempotent."""
        return await self._text(_SQL["update_app_admitted"], domain_id, client_id) is not None

    async def insert_trusted_key(self, domain_id: str, client_id: str, key: StoredTrustedKey, now: datetime) -> None:
        """Trust one more key of an app."""
        await self._database.execute(
            _SQL["insert_trusted_key"], domain_id, client_id, key.key_id, key.algorithm, key.public_key, now
        )

    async def select_trusted_keys(self, domain_id: str, client_id: str) -> list[StoredTrustedKey]:
        """The enabled keys of an app, the newest first; may be empty."""
        rows = await self._database.fetch(_SQL["select_trusted_keys"], domain_id, client_id)
        return [StoredTrustedKey(row["key_id"], row["algorithm"], row["public_key"]) for row in rows]

    async def check_app_limit(self, domain_id: str, limit: int) -> bool:
        """Whether a domain of at most `limit` apps may have one more, which the same transaction then makes."""
        return bool(await self._database.fetchval(_SQL["check_app_limit"], domain_id, limit))
