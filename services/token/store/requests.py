"""Calls that may be made again, and what they were answered."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.records import RequestId

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Requests(Section):
    """Calls that may be made again, and what they were answered."""

    async def select_request(self, domain_id: str, request_id: UUID, since: datetime) -> tuple[bytes, bytes] | None:
        """Content hash and encrypted answer of a call that was made since then, `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_request"], domain_id, request_id, since)
        return (row["content_hash"], row["answer"]) if row else None

    async def insert_request(self, domain_id: str, request: RequestId, answer: bytes, now: datetime) -> None:
        """Keep what a call was answered, encrypted. Who asks for it first has to hold the domain."""
        await self._database.execute(
            _SQL["insert_request"], domain_id, request.value, now, request.content_hash, answer
        )
