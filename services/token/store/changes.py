"""What every process is told when an admin call changed what it keeps in memory."""

from pathlib import Path

from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Changes(Section):
    """What every process is told when an admin call changed what it keeps in memory."""

    async def notify_change(self, kind: str, identifier: str) -> None:
        """Tell every process, when the transaction commits, that it has to read something anew.

        Never from a transaction that a call of an app's makes: a notification takes a lock of the whole server.

        Args:
            kind: `domain`, `issuer`, `app`, `access_key`, `push_app` or `signing_key`.
            identifier: its id, or URL; of a signing key, the id of its domain.
        """
        await self._database.execute(_SQL["notify_change"], f"{kind}:{identifier}")
