"""Open accounts: rows, and links that are open accounts too."""

import uuid
from datetime import datetime
from pathlib import Path

import asyncpg

from services.account.errors import NotFoundLinkUser, NotFoundProject
from services.account.model import OpenAccount
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class OpenAccounts(Section):
    """Open accounts: rows, and links that are open accounts too."""

    async def select_open_account(self, domain_id: str, identity_id: uuid.UUID) -> OpenAccount | None:
        """The open account of that id; `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_open_account"], domain_id, identity_id)
        return OpenAccount(**row) if row else None

    async def select_open_account_of_provider(
        self, domain_id: str, project_id: str, idp: str, open_id: str
    ) -> OpenAccount | None:
        """The open account that a provider of a project calls so; `None` where there is none."""
        row = await self._database.fetchrow(
            _SQL["select_open_account_of_provider"], domain_id, project_id, idp, open_id
        )
        return OpenAccount(**row) if row else None

    async def select_open_accounts(
        self, domain_id: str, project_id: str, after: uuid.UUID, skip: int, limit: int
    ) -> list[OpenAccount]:
        """Open accounts in the order of their ids, of one project or (empty) of all, some passed over."""
        rows = await self._database.fetch(_SQL["select_open_accounts"], domain_id, project_id, after, skip, limit)
        return [OpenAccount(**row) for row in rows]

    async def select_open_accounts_of_person(
        self, domain_id: str, user_id: str, after: uuid.UUID, limit: int
    ) -> list[OpenAccount]:
        """Open accounts of a user in the order of their ids."""
        rows = await self._database.fetch(_SQL["select_open_accounts_of_person"], domain_id, user_id, after, limit)
        return [OpenAccount(**row) for row in rows]

    async def insert_open_account(self, account: OpenAccount, now: datetime, made_by: bytes | None = None) -> bool:
        """Make an open account, unless its user was deleted, in one statement that no deletion overlooks.

        Returns:
            False where its project has one of that provider and id.

        Raises:
            NotFoundProject: there is no such project.
            NotFoundLinkUser: its user was deleted.
        """
        try:
            row = await self._database.fetchrow(
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
                made_by,
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFoundProject from error
        return _given(row, account.user_id)["identity_id"] is not None

    async def select_open_account_made_by(self, account: OpenAccount, made_by: bytes) -> uuid.UUID | None:
        """Id of the account of that project, provider and id, if this call made it; else `None`."""
        identity_id: uuid.UUID | None = await self._database.fetchval(
            _SQL["select_open_account_made_by"],
            account.domain_id,
            account.project_id,
            account.idp,
            account.open_id,
            made_by,
        )
        return identity_id

    async def update_open_account(self, changed: OpenAccount, now: datetime) -> int | None:
        """Change what an operator may, as `insert_open_account` makes it.

        Returns:
            The new version; `None` where it is not of that version any more.

        Raises:
            NotFoundLinkUser: its user was deleted.
        """
        row = await self._database.fetchrow(
            _SQL["update_open_account"],
            changed.domain_id,
            changed.identity_id,
            changed.version,
            changed.user_id,
            changed.display_name,
            changed.login_id,
            changed.mobile,
            changed.region,
            changed.status,
            now,
        )
        version: int | None = _given(row, changed.user_id)["version"]
        return version

    async def delete_open_account(self, domain_id: str, identity_id: uuid.UUID, version: int | None) -> bool:
        """Take an open account away; false where there is none of that id and, if one is named, version."""
        gone = await self._database.fetchval(_SQL["delete_open_account"], domain_id, identity_id, version)
        return gone is not None


def _given(row: asyncpg.Record | None, user_id: str) -> asyncpg.Record:
    """The row of a statement that holds a user, if that is there. Raises `NotFoundLinkUser`."""
    if row is None or not row["is_there"]:
        raise NotFoundLinkUser(detail=f"{user_id} was deleted")
    return row
