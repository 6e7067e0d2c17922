"""Tokens that somebody presents to have them looked at or revoked."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from services.runtime.revocations import acts_in_the_end
from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import AccessToken, AccessTokenState, RefreshTokenState, Session, UserInfo

_SQL = load_queries(Path(__file__).with_suffix(".sql"))

_SESSION = (
    "session_id",
    "generation",
    "user_id",
    "scopes",
    "role_cap",
    "actor",
    "device_id",
    "device_name",
    "user_name",
    "nick_name",
    "avatar",
    "default_drive_id",
    "user_role",
)


class Presented(Section):
    """Tokens that somebody presents to have them looked at or revoked."""

    async def select_access_token_state(self, token: AccessToken) -> AccessTokenState:
        """What became of all that a verified access token depends on."""
        row = await self._database.fetchrow(
            _SQL["select_access_token_state"],
            token.domain_id,
            token.token_id,
            token.key_id,
            [user_id for user_id in (token.user_id, acts_in_the_end({"act": token.actor or {}})) if user_id],
            token.client_id,
            token.session_id,
            datetime.fromtimestamp(token.issued_at, UTC),
            [token.client_id, *token.through],
        )
        assert row is not None  # one row of values
        session = None
        if row["session_id"] is not None:
            values = {name: row[name] for name in _SESSION}
            session = Session(**values | {"scopes": tuple(row["scopes"])}, is_first=False)
        return AccessTokenState(
            is_revoked=row["is_revoked"] or bool(row["is_session_over"]) or not row["is_client_admitted"],
            session=session,
            session_expires_at=row["session_expires_at"],
            user_status=row["user_status"] or "",
        )

    async def select_refresh_token_state(
        self, domain_id: str, session_id: UUID, client_id: str, *, secret_hash: bytes, generation: int, now: datetime
    ) -> RefreshTokenState | None:
        """The session that a refresh token of that generation may go on with; `None` where it may not."""
        row = await self._database.fetchrow(
            _SQL["select_refresh_token_state"], domain_id, session_id, client_id, secret_hash, generation, now
        )
        return RefreshTokenState(**dict(row) | {"scopes": tuple(row["scopes"])}) if row else None

    async def select_user_info(self, domain_id: str, user_id: str, session_id: UUID) -> UserInfo | None:
        """An enabled user for a session of its own; `None` where it is disabled, or the session was revoked."""
        row = await self._database.fetchrow(_SQL["select_user_info"], domain_id, user_id, session_id)
        return UserInfo(user_id, **dict(row)) if row else None

    async def end_session(
        self,
        domain_id: str,
        session_id: UUID,
        client_id: str,
        *,
        secret_hash: bytes,
        now: datetime,
        event_id: UUID,
    ) -> bool:
        """End the session whose secret a client presents; whether it is one of that client's. Audited with it."""
        return bool(
            await self._database.fetchval(
                _SQL["end_session"], domain_id, session_id, client_id, secret_hash, now, event_id
            )
        )

    async def revoke_access_token(self, token: AccessToken, now: datetime, event_id: UUID) -> None:
        """End the session of an access token of its own client, or, where it has none, the token. Audited with it."""
        await self._database.execute(
            _SQL["revoke_access_token"],
            token.domain_id,
            token.client_id,
            token.token_id,
            token.session_id,
            token.user_id or None,
            now,
            event_id,
        )
