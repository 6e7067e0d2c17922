"""The domains' own keys."""

from datetime import datetime
from pathlib import Path

from services.runtime.sql import load_queries
from services.token.model import StoredKey
from services.token.store.section import Section

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class SigningKeys(Section):
    """The domains' own keys."""

    async def insert_signing_key(self, key: StoredKey, now: datetime) -> None:
        """Keep a new key, active from now on."""
        await self._database.execute(
            _SQL["insert_signing_key"],
            key.domain_id,
            key.key_id,
            key.use,
            key.algorithm,
            key.public_key,
            key.private_key,
            now,
        )

    async def select_signing_keys(self) -> list[StoredKey]:
        """Every key of every domain that still verifies, the newest first."""
        return [StoredKey(**row) for row in await self._database.fetch(_SQL["select_signing_keys"])]

    async def select_signing_key_version(self) -> int:
        """A number that changes with every change to a key."""
        return int(await self._database.fetchval(_SQL["select_signing_key_version"]))
