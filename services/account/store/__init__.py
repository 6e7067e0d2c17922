"""The account service's statements, a module a noun: one method each, of the same name as in the SQL file beside it.

Rows become dataclasses here. A statement takes effect whole or not at all, a function of the database that it calls
included; several together run on what `Store.transaction` gives.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from services.account.store.domain_settings import OfDomains
from services.account.store.followed_users import FollowedUsers
from services.account.store.link_lists import LinkLists
from services.account.store.links import Links
from services.account.store.logon import GUESSED, Logon
from services.account.store.open_accounts import OpenAccounts
from services.account.store.outbox import Outbox
from services.account.store.projects import Projects
from services.account.store.proofs import Proofs
from services.account.store.user_data import UserData
from services.account.store.user_systems import UserSystems
from services.runtime.db import Database
from services.runtime.partitions import Partitioned
from services.runtime.vault import Vault

_DAY = timedelta(days=1)

PARTITIONED = (
    Partitioned("account.link_event", "uuid7", span=30 * _DAY, keep=30 * _DAY),
    Partitioned("account.proof", "uuid7", span=_DAY, keep=_DAY),
    Partitioned("account.logon_code", "uuid7", span=_DAY, keep=_DAY),
    Partitioned("account.password_try", "uuid7", span=_DAY, keep=_DAY),
    GUESSED,
    Partitioned("account.logon_session", "uuid7", span=_DAY, keep=_DAY),
)
"""Tables whose rows expire, and how long each part of them is kept."""


class Statements(
    Links, LinkLists, Logon, Proofs, OfDomains, OpenAccounts, Projects, FollowedUsers, Outbox, UserData, UserSystems
):
    """All of them, on the database or in a transaction."""


class Store(Statements):
    """The statements on the database of the service; several together by `transaction`.

    Args:
        database: the database.
        vault: seals what of it must be recoverable.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        super().__init__(database, vault)
        self._transaction = database.transaction

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Statements]:
        """Statements that take effect together, when the block ends without an error."""
        async with self._transaction() as connection:
            yield Statements(connection, self._vault)
