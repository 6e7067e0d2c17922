"""Users."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from services.runtime.section import Section
from services.runtime.sql import load_queries
from services.token.model import LogonUser, NewUser, Profile, User, UserChange

_SQL = load_queries(Path(__file__).with_suffix(".sql"))
_COLUMNS = tuple(field.name for field in fields(Profile))


class Users(Section):
    """Users."""

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
            _SQL["insert_user"], domain_id, user.user_id, user_name, nick_name, avatar, default_drive_id, user.role, now
        )
        return made is not None

    async def select_user(self, domain_id: str, user_id: str) -> User | None:
        """The user, `None` where the domain has none of that id."""
        row = await self._database.fetchrow(_SQL["select_user"], domain_id, user_id)
        return User(**row) if row else None

    async def create_user(
        self, domain_id: str, new: NewUser, actor: str, now: datetime, event_id: UUID
    ) -> Profile | None:
        """Make a user, with its audit row and what the feed tells of it.

        Returns:
            The user; `None` where the id was taken.
        """
        row = await self._database.fetchrow(
            _SQL["create_user"],
            domain_id,
            new.user_id,
            new.user_name,
            new.nick_name,
            new.avatar,
            new.role,
            new.status,
            new.description,
            new.default_drive_id,
            _json(new.user_data),
            actor,
            now,
            event_id,
        )
        return _changed(row)[1]

    async def create_user_for_logon(
        self, user_id: str, new: LogonUser, actor: str, now: datetime, event_id: UUID
    ) -> bool:
        """Make an enabled user of role `user`, with audit row and feed; whether its id was free."""
        verdict = await self._text(
            _SQL["create_user_for_logon"],
            new.domain_id,
            user_id,
            new.user_name,
            new.nick_name,
            new.avatar,
            new.client_id or None,
            new.proof.method,
            new.proof.identity,
            actor,
            now,
            event_id,
        )
        return verdict == "created"

    async def select_profile(self, domain_id: str, user_id: str) -> Profile | None:
        """The user, `None` where the domain has none of that id."""
        row = await self._database.fetchrow(_SQL["select_profile"], domain_id, user_id)
        return _profile(row) if row else None

    async def update_user(
        self,
        domain_id: str,
        user_id: str,
        change: UserChange,
        *,
        etag: str,
        roles: tuple[str, ...],
        actor: str,
        now: datetime,
        event_id: UUID,
    ) -> tuple[str, Profile | None]:
        """Change a user and what its sessions say of it, with audit row, feed and revocation.

        Args:
            domain_id: its domain.
            user_id: its id.
            change: what is to be another.
            etag: of the state that is meant; empty: of any.
            roles: those that the caller reaches.
            actor: the caller.
            now: the time.
            event_id: of all that is written beside.

        Returns:
            The verdict of the function, and the user as it is now where it is `updated`.
        """
        return _changed(
            await self._database.fetchrow(
                _SQL["update_user"],
                domain_id,
                user_id,
                etag or None,
                roles,
                change.user_name,
                change.nick_name,
                change.avatar,
                change.role,
                change.status,
                change.description,
                change.default_drive_id,
                None if change.user_data is None else _json(change.user_data),
                actor,
                now,
                event_id,
            )
        )

    async def delete_user(
        self,
        domain_id: str,
        user_id: str,
        *,
        etag: str,
        roles: tuple[str, ...],
        pseudonym: str,
        actor: str,
        now: datetime,
        event_id: UUID,
    ) -> str:
        """Delete a user with all that it could get tokens by. In the audit log, `pseudonym` takes the place of its id.

        Args:
            domain_id: its domain.
            user_id: its id.
            etag: of the state that is meant; empty: of any.
            roles: those that the caller reaches.
            pseudonym: what its audit rows say in place of its id.
            actor: the caller.
            now: the time.
            event_id: of all that is written beside.

        Returns:
            The verdict of the function.
        """
        verdict: str = await self._database.fetchval(
            _SQL["delete_user"], domain_id, user_id, etag or None, roles, pseudonym, actor, now, event_id
        )
        return verdict

    async def select_profiles(self, domain_id: str, after: str, limit: int) -> list[Profile]:
        """The users whose ids follow `after`, in the order of these, at most `limit`."""
        rows = await self._database.fetch(_SQL["select_profiles"], domain_id, after, limit)
        return [_profile(row) for row in rows]

    async def select_unknown_users(self, domain_id: str, user_ids: Sequence[str]) -> list[str]:
        """Those of some ids that are no user's; empty where all are."""
        rows = await self._database.fetch(_SQL["select_unknown_users"], domain_id, user_ids)
        return [row["user_id"] for row in rows]

    async def check_user_limit(self, domain_id: str, limit: int, now: datetime) -> bool:
        """Whether a domain of at most `limit` users may have one more, whom the same transaction then makes."""
        return bool(await self._database.fetchval(_SQL["check_user_limit"], domain_id, limit, now))


def _json(user_data: Mapping[str, str]) -> str:
    return json.dumps(dict(user_data), ensure_ascii=False)


def _profile(row: asyncpg.Record) -> Profile:
    return Profile(**{name: row[name] for name in _COLUMNS} | {"user_data": json.loads(row["user_data"])})


def _changed(row: asyncpg.Record | None) -> tuple[str, Profile | None]:
    assert row is not None  # the functions always answer
    verdict: str = row["verdict"]
    return verdict, _profile(row) if verdict in ("created", "updated") else None
