"""Projects and open accounts."""

import uuid
from datetime import datetime
from pathlib import Path

import asyncpg

from services.account.errors import NotFoundProject
from services.account.model import OpenAccount
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class OpenAccounts(Section):
    """Projects and open accounts."""

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
