"""Sessions as an operator sees them: listed, and ended."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import OpenSession

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class OpenSessions(Section):
    """Sessions as an operator sees them: listed, and ended."""

    async def select_sessions_of_user(
        self, domain_id: str, user_id: str, client_id: str, *, before: UUID, now: datetime, limit: int
    ) -> list[OpenSession]:
        """The sessions of a user that began before one, the newest first; an empty `client_id`: with any app."""
        rows = await self._database.fetch(
            _SQL["select_sessions_of_user"], domain_id, user_id, client_id or None, before, now, limit
        )
        return [_session(row) for row in rows]

    async def select_sessions_of_app(
        self, domain_id: str, client_id: str, *, before: UUID, now: datetime, limit: int, look_at: int
    ) -> tuple[list[OpenSession], UUID | None]:
        """The sessions of an app that began before one, the newest first.

        Args:
            domain_id: its domain.
            client_id: the app.
            before: the session after which to go on.
            now: the time.
            limit: sessions that are answered at the most.
            look_at: sessions of the domain that are read at the most.

        Returns:
            The sessions, and the last that was read where there may be more.
        """
        rows = await self._database.fetch(
            _SQL["select_sessions_of_app"], domain_id, client_id, before, now, limit, look_at
        )
        reached = rows.pop()["reached"] if rows and rows[-1]["session_id"] is None else None
        return [_session(row) for row in rows], reached

    async def revoke_session(
        self, domain_id: str, session_id: UUID, *, roles: tuple[str, ...], actor: str, now: datetime, event_id: UUID
    ) -> str:
        """End a session of a user of one of these roles, with audit row and revocation; the function's verdict."""
        verdict: str = await self._database.fetchval(
            _SQL["revoke_session"], domain_id, session_id, roles, actor, now, event_id
        )
        return verdict

    async def revoke_user_sessions(
        self, domain_id: str, user_id: str, *, roles: tuple[str, ...], actor: str, now: datetime, event_id: UUID
    ) -> tuple[str, int]:
        """End all sessions of a user of one of these roles, with audit row and revocation.

        Returns:
            The verdict of the function, and how many were going on.
        """
        row = await self._database.fetchrow(
            _SQL["revoke_user_sessions"], domain_id, user_id, roles, actor, now, event_id
        )
        assert row is not None  # the function always answers
        return row["verdict"], row["revoked"] or 0

    async def revoke_app_sessions(
        self, domain_id: str, client_id: str, *, actor: str, now: datetime, event_id: UUID
    ) -> bool:
        """End all sessions that an app began until now, with audit row and revocation; whether there is such an app."""
        return bool(
            await self._database.fetchval(_SQL["revoke_app_sessions"], domain_id, client_id, actor, now, event_id)
        )


def _session(row: asyncpg.Record) -> OpenSession:
    values = {name: value for name, value in row.items() if name != "reached"}
    return OpenSession(**values | {"scopes": tuple(values["scopes"])})
