"""The token service's statements: one method each, of the same name as in queries.sql. Rows become dataclasses here.

A statement takes effect whole or not at all, a function of the database that it calls included; several together run
on what `Store.transaction` gives.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from services.runtime.db import Database
from services.runtime.partitions import Partitioned
from services.runtime.sql import load_queries
from services.token.model import (
    Actor,
    App,
    AppType,
    AuthorizationCode,
    Domain,
    Event,
    NewSession,
    Proof,
    PushApp,
    Session,
    StoredKey,
    StoredTrustedKey,
    User,
)

_SQL = load_queries(Path(__file__).with_name("queries.sql"))
_DAY = timedelta(days=1)

PARTITIONED = (
    Partitioned("token.session", "uuid7", span=30 * _DAY, keep=180 * _DAY, fillfactor=70),
    Partitioned("token.authorization_code", "uuid7", span=_DAY, keep=_DAY, fillfactor=70),
    Partitioned("token.used_assertion", "time", span=_DAY, keep=_DAY),
    Partitioned("token.audit", "uuid7", span=30 * _DAY, keep=360 * _DAY),
)
"""Tables whose rows expire, and how long each part of them is kept."""


class Executor(Protocol):
    """What runs statements: the database, or one connection in a transaction."""

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """All rows."""

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        """The first row."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first row's first value."""

    async def execute(self, query: str, *args: Any) -> str:
        """The command tag."""


class Statements:
    """Runs the statements. Raises `Unavailable` and `Overloaded` from any method.

    Args:
        database: the database, where each takes effect by itself, or one connection in a transaction.
    """

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def lock_domains(self) -> None:
        """Wait until no other transaction makes a domain, and hold others off until this one ends."""
        await self._database.execute(_SQL["lock_domains"])

    async def select_any_domain(self) -> str | None:
        """Id of some domain, `None` where there is none."""
        return await self._text("select_any_domain")

    async def insert_domain(self, domain: Domain, now: datetime) -> None:
        """Make a domain. Its issuer wants a credential row beside it."""
        await self._database.execute(_SQL["insert_domain"], domain.domain_id, domain.issuer, domain.scopes, now)

    async def select_domain(self, domain_id: str) -> Domain | None:
        """The domain, `None` where there is none of that id."""
        row = await self._database.fetchrow(_SQL["select_domain"], domain_id)
        if row is None:
            return None
        return Domain(row["domain_id"], row["issuer"], tuple(row["scopes"]), row["impersonate_superadmins"])

    async def insert_credential(self, identifier: str, domain_id: str, kind: str) -> None:
        """Take an id for a domain. Unique over all domains."""
        await self._database.execute(_SQL["insert_credential"], identifier, domain_id, kind)

    async def select_credential(self, identifier: str) -> tuple[str, str] | None:
        """Domain and kind of an id, `None` where nobody has it."""
        row = await self._database.fetchrow(_SQL["select_credential"], identifier)
        return (row["domain_id"], row["kind"]) if row else None

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
        return App(
            domain_id=row["domain_id"],
            client_id=row["client_id"],
            type=AppType(row["type"]),
            admitted=row["admitted"],
            redirect_uris=tuple(row["redirect_uris"]),
            scopes=tuple(row["scopes"]),
            permissions=tuple(row["permissions"]),
            push_access_ids=tuple(row["push_access_ids"]),
            secret_hashes=tuple(row["secret_hashes"]),
            grace=row["grace"],
            grace_repeats=row["grace_repeats"],
        )

    async def update_app_admitted(self, domain_id: str, client_id: str) -> bool:
        """Admit an app; whether there is one. Idempotent."""
        return await self._text("update_app_admitted", domain_id, client_id) is not None

    async def insert_trusted_key(self, domain_id: str, client_id: str, key: StoredTrustedKey, now: datetime) -> None:
        """Trust one more key of an app."""
        await self._database.execute(
            _SQL["insert_trusted_key"], domain_id, client_id, key.key_id, key.algorithm, key.public_key, now
        )

    async def select_trusted_keys(self, domain_id: str, client_id: str) -> list[StoredTrustedKey]:
        """The enabled keys of an app, the newest first; may be empty."""
        rows = await self._database.fetch(_SQL["select_trusted_keys"], domain_id, client_id)
        return [StoredTrustedKey(row["key_id"], row["algorithm"], row["public_key"]) for row in rows]

    async def insert_access_key(
        self, domain_id: str, access_key_id: str, secret: bytes, permissions: tuple[str, ...], now: datetime
    ) -> None:
        """Make an access key, its secret encrypted. Its id wants a credential row beside it."""
        await self._database.execute(_SQL["insert_access_key"], domain_id, access_key_id, secret, permissions, now)

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

    async def insert_user(
        self,
        domain_id: str,
        user: User,
        *,
        user_name: str,
        nick_name: str,
        avatar: str,
        default_drive_id: str,
        now: datetime,
    ) -> bool:
        """Make an enabled user; whether its id was free."""
        made = await self._text(
            "insert_user", domain_id, user.user_id, user_name, nick_name, avatar, default_drive_id, user.role, now
        )
        return made is not None

    async def select_user(self, domain_id: str, user_id: str) -> User | None:
        """The user, `None` where the domain has none of that id."""
        row = await self._database.fetchrow(_SQL["select_user"], domain_id, user_id)
        return User(**row) if row else None

    async def set_user_status(self, domain_id: str, user_id: str, status: str, actor: str, event_id: UUID) -> bool:
        """Enable or disable a user with all its sessions; whether there is one. Audited in the same transaction."""
        return bool(await self._database.fetchval(_SQL["set_user_status"], domain_id, user_id, status, actor, event_id))

    async def start_session(
        self,
        new: NewSession,
        event: str,
        user_id: str,
        scopes: tuple[str, ...],
        *,
        actor: Actor | None,
        role_cap: str | None,
        superadmins: bool,
        proof: Proof,
    ) -> tuple[str, Session | None]:
        """Start a session of a proven user.

        Args:
            new: the session.
            event: what it is audited as.
            user_id: whose it is.
            scopes: of its tokens.
            actor: who acts for the user.
            role_cap: highest role of its tokens; `None`: the user's.
            superadmins: whether the user may be a superadmin.
            proof: how the user was proven.

        Returns:
            The verdict of the function, and the session where it is `started`.
        """
        return _opened(
            await self._database.fetchrow(
                _SQL["start_session"],
                new.domain_id,
                new.client_id,
                user_id,
                scopes,
                *_timing(new),
                event,
                role_cap,
                actor.subject if actor else None,
                superadmins,
                proof.method,
                proof.identity,
            )
        )

    async def start_session_by_assertion(
        self,
        new: NewSession,
        user_id: str,
        scopes: tuple[str, ...],
        *,
        assertion_id: bytes,
        assertion_expires_at: datetime,
        auto_create: bool,
        superadmins: bool,
    ) -> tuple[str, Session | None]:
        """Start a session for an assertion that is used for the first time; `assertion_id` is SHA-256 of its `jti`.

        Returns:
            The verdict of the function, and the session where it is `started`.
        """
        return _opened(
            await self._database.fetchrow(
                _SQL["start_session_by_assertion"],
                new.domain_id,
                new.client_id,
                user_id,
                scopes,
                *_timing(new),
                assertion_id,
                assertion_expires_at,
                auto_create,
                superadmins,
            )
        )

    async def redeem_code(
        self, new: NewSession, *, code_id: UUID, code_hash: bytes, redirect_uri: str, code_challenge: str | None
    ) -> tuple[str, Session | None]:
        """Use an authorization code up and start its session.

        Returns:
            The verdict of the function, and the session where it is `started`.
        """
        return _opened(
            await self._database.fetchrow(
                _SQL["redeem_code"],
                new.domain_id,
                new.client_id,
                *_timing(new),
                code_id,
                code_hash,
                redirect_uri,
                code_challenge,
            )
        )

    async def rotate_session(
        self,
        domain_id: str,
        client_id: str,
        session_id: UUID,
        *,
        secret_hash: bytes,
        generation: int,
        scopes: tuple[str, ...],
        now: datetime,
        grace_from: datetime,
        grace_repeats: int,
        idle_until: datetime,
        event_id: UUID,
    ) -> tuple[str, Session | None]:
        """Use a refresh token.

        Args:
            domain_id: its domain.
            client_id: who presents it.
            session_id: its session.
            secret_hash: SHA-256 of its secret.
            generation: its generation.
            scopes: those asked for; empty: all of the session.
            now: the time.
            grace_from: a rotation since then may be repeated.
            grace_repeats: how often.
            idle_until: when the session ends if nobody uses the successor.
            event_id: of the audit row.

        Returns:
            The verdict of the function, and the session where it is `rotated` or `repeated`; its generation is then
            the successor's.
        """
        return _opened(
            await self._database.fetchrow(
                _SQL["rotate_session"],
                domain_id,
                client_id,
                session_id,
                secret_hash,
                generation,
                scopes,
                now,
                grace_from,
                grace_repeats,
                idle_until,
                event_id,
            )
        )

    async def insert_authorization_code(self, code: AuthorizationCode, proof: Proof, event_id: UUID) -> None:
        """Keep a code, with its audit row."""
        await self._database.execute(
            _SQL["insert_authorization_code"],
            code.domain_id,
            code.code_id,
            code.code_hash,
            code.client_id,
            code.redirect_uri,
            code.user_id,
            code.scopes,
            code.code_challenge,
            code.nonce,
            code.device_id,
            code.device_name,
            code.expires_at,
            event_id,
            proof.method,
            proof.identity,
        )

    async def insert_used_assertion(
        self, domain_id: str, client_id: str, assertion_id: bytes, expires_at: datetime
    ) -> bool:
        """Use an assertion up; whether this was the first time."""
        return await self._text("insert_used_assertion", domain_id, client_id, assertion_id, expires_at) is not None

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

    async def insert_audit(self, event: Event) -> None:
        """Write an event down."""
        await self._database.execute(
            _SQL["insert_audit"],
            event.domain_id,
            event.event_id,
            event.event,
            event.client_id,
            event.user_id,
            event.actor,
            event.detail,
        )

    async def _text(self, name: str, *args: Any) -> str | None:
        value: str | None = await self._database.fetchval(_SQL[name], *args)
        return value


class Store(Statements):
    """The statements on the database of the service; several together by `transaction`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._transaction = database.transaction

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """Statements that take effect together, when the block ends without an error."""
        async with self._transaction() as connection:
            yield Statements(connection)


def _timing(new: NewSession) -> tuple[Any, ...]:
    return (new.session_id, new.secret_hash, new.now, new.expires_at, new.absolute_at, new.event_id)


def _opened(row: asyncpg.Record | None) -> tuple[str, Session | None]:
    assert row is not None  # the functions always answer
    values = dict(row)
    verdict: str = values.pop("verdict")
    if verdict not in ("started", "rotated", "repeated"):
        return verdict, None
    values["scopes"] = tuple(values["scopes"])
    return verdict, Session(**values)
