"""Who logs on: codes, the browsers that are logged on, consents."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from services.account.model import Identity
from services.account.model.logon import (
    AGAIN,
    BROWSERS,
    CODE_LIFETIME,
    CODES_PER_ADDRESS,
    CODES_PER_IDENTITY,
    GUESSES,
    MAX_TRIES,
    PASSWORDS_PER_ADDRESS,
    PASSWORDS_PER_NAME,
    RESEND_AFTER,
    SESSION_LIFETIME,
    WINDOW,
    BrowserSession,
    Consent,
)
from services.account.model.users import UserId
from services.runtime.ids import lowest_uuid7
from services.runtime.partitions import Partitioned
from services.runtime.section import Section
from services.runtime.sql import load_queries

GUESSED = Partitioned("account.guess", "time", span=timedelta(days=30), keep=timedelta(days=1))
"""Where it is counted what was wrong: a partition is a period."""

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Logon(Section):
    """Who logs on."""

    async def begin_logon_code(
        self,
        domain_id: str,
        code_id: UUID,
        identity: Identity,
        address: str,
        mac: bytes,
        *,
        browser_id: UUID,
        now: datetime,
        per_domain: int,
    ) -> str:
        """Write down a code that is to be sent.

        Returns:
            `begun`; `early` where one was sent within a minute; `guessed` where as many were wrong as may be; or whose
            limit is reached: `identity`, `address`, `domain`.
        """
        verdict: str = await self._database.fetchval(
            _SQL["begin_logon_code"],
            domain_id,
            code_id,
            identity.type,
            identity.key,
            address,
            mac,
            now + CODE_LIFETIME,
            lowest_uuid7(now - WINDOW),
            lowest_uuid7(now - RESEND_AFTER),
            CODES_PER_IDENTITY,
            CODES_PER_ADDRESS,
            per_domain,
            browser_id,
            BROWSERS,
            GUESSED.start(now),
            GUESSES,
        )
        return verdict

    async def try_logon_code(self, domain_id: str, code_id: UUID, identity: Identity, mac: bytes, now: datetime) -> str:
        """Try a code: `good`, again within `AGAIN`; `wrong`; `over`, there is none any more; `guessed`, not looked at.

        The hash is of the flow, too, which one browser has: nobody else uses it again.
        """
        verdict: str = await self._database.fetchval(
            _SQL["try_logon_code"],
            domain_id,
            code_id,
            identity.type,
            identity.key,
            mac,
            now,
            MAX_TRIES,
            BROWSERS,
            GUESSED.start(now),
            GUESSES,
            now - AGAIN,
        )
        return verdict

    async def delete_logon_code(self, domain_id: str, code_id: UUID) -> None:
        """A code that was not sent does not count."""
        await self._database.execute(_SQL["delete_logon_code"], domain_id, code_id)

    async def begin_password_try(
        self,
        domain_id: str,
        try_id: UUID,
        user_system_id: str,
        name_key: str,
        *,
        browser_id: UUID,
        address: str,
        now: datetime,
    ) -> str:
        """Before a password is looked at: `begun`, written down; or what is reached: `name`, `address`, `guessed`."""
        verdict: str = await self._database.fetchval(
            _SQL["begin_password_try"],
            domain_id,
            try_id,
            user_system_id,
            name_key,
            address,
            lowest_uuid7(now - WINDOW),
            PASSWORDS_PER_NAME,
            PASSWORDS_PER_ADDRESS,
            browser_id,
            BROWSERS,
            GUESSED.start(now),
            GUESSES,
        )
        return verdict

    async def forget_password_try(self, domain_id: str, try_id: UUID, now: datetime) -> None:
        """A password that was begun at a time was right, or was not looked at: it does not count."""
        await self._database.execute(_SQL["forget_password_try"], domain_id, try_id, GUESSED.start(now))

    async def insert_logon_session(self, domain_id: str, session: BrowserSession) -> None:
        """Write down a browser that is logged on."""
        await self._database.execute(
            _SQL["insert_logon_session"],
            domain_id,
            session.session_id,
            session.secret_hash,
            session.user_id,
            session.method,
            session.browser,
            session.proven_at,
            session.proven_at + SESSION_LIFETIME,
            session.user_system_id,
        )

    async def select_logon_session(self, domain_id: str, session_id: UUID, now: datetime) -> BrowserSession | None:
        """A browser that is logged on; the secret is the caller's to compare."""
        row = await self._database.fetchrow(_SQL["select_logon_session"], domain_id, session_id, now)
        return _session(row) if row else None

    async def select_logon_sessions(self, domain_id: str, user_id: str, now: datetime) -> list[BrowserSession]:
        """The browsers in which a user is logged on, the newest first, 100 at the most."""
        return [
            _session(row) for row in await self._database.fetch(_SQL["select_logon_sessions"], domain_id, user_id, now)
        ]

    async def end_logon_session(self, domain_id: str, user_id: str, session_id: UUID, now: datetime) -> None:
        """Log a browser of a user off; one that is not, or is not the user's, is left as it is."""
        await self._database.execute(_SQL["end_logon_session"], domain_id, user_id, session_id, now)

    async def end_logon_sessions(
        self, domain_id: str, user_id: str, now: datetime, *, method: str | None = None, kept: UUID | None = None
    ) -> bool:
        """Log a user's browsers off, but for one that is kept; whether there were any.

        Args:
            domain_id: the user's.
            user_id: the user.
            now: the time.
            method: those alone that were logged on by an identity of this type; `None`: all.
            kept: one that goes on; `None`: none does.
        """
        return bool(await self._database.fetch(_SQL["end_logon_sessions"], domain_id, user_id, now, method, kept))

    async def select_ended_logon_sessions(self, domain_id: str, user_id: str) -> list[UUID]:
        """The browsers in which a user was logged on that were logged off, the newest first, 1,000 at the most."""
        rows = await self._database.fetch(_SQL["select_ended_logon_sessions"], domain_id, user_id)
        return [row["session_id"] for row in rows]

    async def delete_logon_sessions(self, users: Collection[UserId]) -> None:
        """Log the browsers off in which users are logged on who are gone: another one may get the same id."""
        pairs = [(user.domain_id, user.user_id) for user in users]
        await self._database.execute(_SQL["delete_logon_sessions"], *map(list, zip(*pairs, strict=True)))

    async def select_consent(self, domain_id: str, user_id: str, client_id: str) -> frozenset[str]:
        """Scopes that a user has let an app have."""
        return frozenset(await self._database.fetchval(_SQL["select_consent"], domain_id, user_id, client_id) or ())

    async def select_consents(self, domain_id: str, user_id: str) -> list[Consent]:
        """What a user has let apps have, in the order of their ids."""
        rows = await self._database.fetch(_SQL["select_consents"], domain_id, user_id)
        return [Consent(row["client_id"], tuple(row["scopes"]), row["given_at"]) for row in rows]

    async def upsert_consent(
        self, domain_id: str, user_id: str, client_id: str, scopes: Sequence[str], now: datetime
    ) -> None:
        """Keep what a user lets an app have, beside what it did before."""
        await self._database.execute(_SQL["upsert_consent"], domain_id, user_id, client_id, sorted(scopes), now)

    async def delete_consents(self, users: Collection[UserId]) -> None:
        """Take away what users who are gone have let apps have."""
        pairs = [(user.domain_id, user.user_id) for user in users]
        await self._database.execute(_SQL["delete_consents"], *map(list, zip(*pairs, strict=True)))


def _session(row: asyncpg.Record) -> BrowserSession:
    return BrowserSession(**row)
