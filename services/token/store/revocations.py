"""What is revoked before it expires."""

from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import RevocationKind

_SQL = load_queries(Path(__file__).with_suffix(".sql"))

# A token that was decided on before may be signed, and stamped, a little after: it is meant, too.
_SIGNED_WITHIN = timedelta(seconds=2)


class Revocations(Section):
    """What is revoked before it expires."""

    async def insert_revocation(
        self, domain_id: str, event_id: UUID, *, kind: RevocationKind, subject: str, now: datetime
    ) -> None:
        """End access tokens that were issued until now, within a second in every service.

        In the transaction that changes the row of what is revoked, after that statement: its lock orders what is told.

        Args:
            domain_id: their domain.
            event_id: a new id, of now.
            kind: of `subject`.
            subject: id of a session, a user, a signing key, an app, access key or push app; a token's `jti`. Of a user
                and an app, what is issued more than 2 seconds from now is good again.
            now: the time.
        """
        await self._database.execute(
            _SQL["insert_revocation"], domain_id, event_id, kind, subject, now + _SIGNED_WITHIN
        )
