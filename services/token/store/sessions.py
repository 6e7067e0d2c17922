"""Sessions, and what is used up to start one: codes, assertions."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import asyncpg

from services.runtime.batching import Later
from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import Actor, AuthorizationCode, NewSession, Proof, Rotation, Session

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Sessions(Section):
    """Sessions, and what is used up to start one: codes, assertions."""

    async def start_session(
        self,
        new: NewSession,
        grant: str,
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
            grant: the noun of its events in the audit log.
            user_id: whose it is.
            scopes: of its tokens.
            actor: who acts for the user.
            role_cap: highest role of its tokens; `None`: the user's.
            superadmins: whether the user may be a superadmin.
            proof: how the user was proven.

        Returns:
            The verdict of the function, and the session where it is `started`.
        """
        return opened(
            await self._database.fetchrow(
                _SQL["start_session"],
                new.domain_id,
                new.client_id,
                user_id,
                scopes,
                *timing(new),
                grant,
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
        return opened(
            await self._database.fetchrow(
                _SQL["start_session_by_assertion"],
                new.domain_id,
                new.client_id,
                user_id,
                scopes,
                *timing(new),
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
        return opened(
            await self._database.fetchrow(
                _SQL["redeem_code"],
                new.domain_id,
                new.client_id,
                *timing(new),
                code_id,
                code_hash,
                redirect_uri,
                code_challenge,
            )
        )

    async def rotate_sessions(
        self, rotations: Sequence[Rotation], *, wait: bool
    ) -> list[tuple[str, Session | None] | Literal[Later.ALONE]]:
        """Use refresh tokens of any domains, each by itself, with one commit.

        Args:
            rotations: at least one. Of several of one session each sees what the one before has done.
            wait: whether to wait for sessions that others have locked; for a single one alone.

        Returns:
            For each the verdict of the function, and the session where it is `rotated` or `repeated`; its generation is
            then the successor's. `Later.ALONE` where it does not wait and its session is locked: nothing was done.
        """
        rows = await self._database.fetch(
            _SQL["rotate_sessions"],
            wait,
            [each.domain_id for each in rotations],
            [each.session_id for each in rotations],
            [each.client_id for each in rotations],
            [each.secret_hash for each in rotations],
            [each.generation for each in rotations],
            [" ".join(each.scopes) for each in rotations],
            [each.now for each in rotations],
            [each.grace_from for each in rotations],
            [each.grace_repeats for each in rotations],
            [each.idle_until for each in rotations],
            [each.event_id for each in rotations],
        )
        return [Later.ALONE if row["verdict"] == "locked" else opened(row) for row in rows]

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
            code.authenticated_at,
            event_id,
            proof.method,
            proof.identity,
            code.browser_id,
        )

    async def insert_used_assertion(
        self, domain_id: str, client_id: str, assertion_id: bytes, expires_at: datetime
    ) -> bool:
        """Use an assertion up; whether this was the first time."""
        return (
            await self._text(_SQL["insert_used_assertion"], domain_id, client_id, assertion_id, expires_at) is not None
        )


def timing(new: NewSession) -> tuple[Any, ...]:
    """Id, hash, times and event of a session, in the order of the statements that start one."""
    return (new.session_id, new.secret_hash, new.now, new.expires_at, new.absolute_at, new.event_id)


def opened(row: asyncpg.Record | None) -> tuple[str, Session | None]:
    """What a function that opens a session answered: its verdict, and the session where there is one."""
    assert row is not None  # the functions always answer
    values = dict(row)
    verdict: str = values.pop("verdict")
    if verdict not in ("started", "rotated", "repeated"):
        return verdict, None
    values["scopes"] = tuple(values["scopes"])
    return verdict, Session(**values)
