"""Signed requests that were accepted."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Nonces(Section):
    """Signed requests that were accepted."""

    async def insert_nonce(self, domain_id: str, nonce_hash: bytes, days: Sequence[datetime]) -> bool:
        """Use a nonce up in some days, and answer whether nobody had in any of them. Of two at once one did.

        Args:
            domain_id: the domain.
            nonce_hash: SHA-256 of the nonce.
            days: midnights, each once, in their order: in which everybody waits for another.
        """
        return len(await self._database.fetch(_SQL["insert_nonce"], domain_id, nonce_hash, list(days))) == len(days)
