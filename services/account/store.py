"""The account service's statements: one method each, named as in queries.sql. Each is one round trip and atomic."""

import uuid
from datetime import datetime
from pathlib import Path

import asyncpg

from services.account.errors import NotFoundProject
from services.account.model import Identity, Link, OpenAccount
from services.runtime.db import Database
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_name("queries.sql"))


class Store:
    """Links, projects and open accounts. Every method raises `Unavailable` or `Overloaded` as `Database` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert_link(self, domain_id: str, identity: Identity, user_id: str, now: datetime) -> bool:
        """Link an identity to a user unless it is linked; whether it is this user's now. Of many racers one links."""
        owner = await self._database.fetchval(
            _SQL["insert_link"],
            domain_id,
            identity.type,
            identity.key,
            identity.given,
            identity.extra,
            user_id,
            now,
        )
        return owner is not None

    async def delete_link(self, domain_id: str, identity: Identity, user_id: str) -> None:
        """Take an identity from a user; nothing happens where it is not linked to it."""
        await self._database.execute(_SQL["delete_link"], domain_id, identity.type, identity.key, user_id)

    async def select_link(self, domain_id: str, identity: Identity) -> Link | None:
        """The link of an identity; `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_link"], domain_id, identity.type, identity.key)
        return Link(**row) if row else None

    async def select_links_of_user(self, domain_id: str, user_id: str) -> list[Link]:
        """The links of a user, the oldest first; empty where there are none."""
        rows = await self._database.fetch(_SQL["select_links_of_user"], domain_id, user_id)
        return [Link(**row) for row in rows]

    async def select_open_account(self, domain_id: str, identity_id: uuid.UUID) -> OpenAccount | None:
        """The open account of that id; `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_open_account"], domain_id, identity_id)
        return OpenAccount(**row) if row else None

    async def insert_project(self, domain_id: str, project_id: str, name: str, now: datetime) -> bool:
        """Make a project; false where there is one of that id."""
        return await self._database.fetchval(_SQL["insert_project"], domain_id, project_id, name, now) is not None

    async def insert_open_account(self, account: OpenAccount, now: datetime) -> bool:
        """Make an open account; false where its project has one of that provider and id.

        Raises:
            NotFoundProject: there is no such project.
        """
        try:
            made = await self._database.fetchval(
                _SQL["insert_open_account"],
                account.domain_id,
                account.identity_id,
                account.project_id,
                account.idp,
                account.open_id,
                account.user_id,
                account.display_name,
                account.login_id,
                account.mobile,
                account.region,
                account.create_access_key,
                account.status,
                account.type,
                now,
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFoundProject from error
        return made is not None
