"""Account and token in this process, and what is done with all that there is of a user."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from tessera.account.v1 import account_admin_service_pb2, account_service_pb2, user_data_service_pb2
from tessera.token.v1 import token_pb2

from services.account.model import Identity, normalise
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.ids import uuid7
from tests.account.running import VAULT, Account, running_account
from tests.support.calls import Metadata, bearer, believed
from tests.support.databases import Databases
from tests.support.token import DOMAIN, Running, running
from tests.support.token_client import App, TokenClient

PERMISSIONS = (
    "account.admin",
    "account.delete",
    "account.describe",
    "account.describe.mobile",
    "account.link",
    "token.audit",
    "token.impersonate",
    "token.session",
    "token.user.read",
    "token.user.write",
)


# A ticket: domain, id, user, identity.
PENDING = """
insert into account.proof (domain_id, proof_id, kind, user_id, type, identity_key, mac, expires_at)
values ($1, $2, 'ticket', $3, 'custom', $4, '\\x00', now() + interval '10 minutes')
"""


@dataclass(frozen=True)
class WholeUsers:
    """Both services, account's tables, and a caller who may do everything, with the app that it acts through."""

    account: Account
    token: Running
    store: Store
    database: Database
    app: App
    caller: Metadata

    def merge(self, from_user_id: str, into_user_id: str, caller: Metadata | None = None) -> grpc.aio.UnaryUnaryCall:
        request = user_data_service_pb2.MergeUsersRequest(from_user_id=from_user_id, into_user_id=into_user_id)
        return self.account.user_data.MergeUsers(request, metadata=caller or self.caller)

    def erase(self, user_id: str, caller: Metadata | None = None) -> grpc.aio.UnaryUnaryCall:
        request = user_data_service_pb2.EraseUserRequest(user_id=user_id)
        return self.account.user_data.EraseUser(request, metadata=caller or self.caller)

    def export(self, user_id: str, caller: Metadata | None = None, **fields: Any) -> grpc.aio.UnaryUnaryCall:
        request = user_data_service_pb2.ExportUserRequest(user_id=user_id, **fields)
        return self.account.user_data.ExportUser(request, metadata=caller or self.caller)

    def link(self, user_id: str, identity: str, type_: str = "custom") -> grpc.aio.UnaryUnaryCall:
        request = account_service_pb2.LinkAccountRequest(user_id=user_id, type=type_, identity=identity)
        return self.account.links.LinkAccount(request, metadata=self.caller)

    async def linked(self, user_id: str, count: int = 1) -> list[str]:
        """Identities of type `custom` that are a user's from now on, in the order of their keys."""
        identities = sorted(uuid.uuid4().hex for _ in range(count))
        for identity in identities:
            await link(self.store, user_id, normalise("custom", identity), self.token.clock.now())
        return identities

    async def links_of(self, user_id: str) -> list[str]:
        return sorted(link.identity for link in await self.store.select_links_of_user(DOMAIN, user_id))

    async def open_account(self, user_id: str, **fields: str) -> str:
        """An open account of a user, in a project of its own; our id of it."""
        project = account_admin_service_pb2.CreateProjectRequest(name="Cars")
        made = await self.account.admin.CreateProject(project, metadata=self.caller)
        request = account_admin_service_pb2.CreateOpenAccountRequest(
            **{"project_id": made.project_id, "idp": "ALIOS", "open_id": uuid.uuid4().hex, "user_id": user_id} | fields
        )
        return (await self.account.admin.CreateOpenAccount(request, metadata=self.caller)).identity_id

    async def session(self, user_id: str) -> token_pb2.Token:
        """A session of a user who logged on."""
        return await self.token.redeem(self.app, await self.token.code(self.app, user_id))

    async def lives(self, token: token_pb2.Token) -> bool:
        """Whether the session of a Token goes on; it is refreshed by that."""
        try:
            await self.token.refresh(self.app, token.refresh_token)
        except grpc.aio.AioRpcError as error:
            assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error  # noqa: PT017 no other may pass
            return False
        return True

    async def events(self, **where: str) -> list[tuple[str, str, str]]:
        """What the feed tells, in order: kind, identity, user."""
        column, value = next(iter(where.items()))
        rows = await self.database.fetch(
            f"select kind, identity, user_id from account.link_event where domain_id = $1 and {column} = $2"
            " order by seq",
            DOMAIN,
            value,
        )
        return [tuple(row) for row in rows]

    async def stranger(self, tenant: TokenClient) -> Metadata:
        """Who may do everything in another domain, and is known here."""
        caller = await tenant.caller(*PERMISSIONS)
        await believed(lambda: self.export("nobody", caller))
        return caller

    async def caught_up(self) -> None:
        """Wait until account has heard what token told of users until now."""
        user_id = f"last-{uuid.uuid4()}"
        await self.database.execute("insert into account.gone_user values ($1, $2, now())", DOMAIN, user_id)
        await self.token.user(user_id=user_id)

        async def lifted() -> bool:
            query = "select true from account.gone_user where domain_id = $1 and user_id = $2"
            return not await self.database.fetch(query, DOMAIN, user_id)

        await until(lifted)

    async def orders(self, user_id: str) -> list[str]:
        """Kinds of what is still to be done at token about a user."""
        rows = await self.database.fetch(
            "select kind from account.outbox where domain_id = $1 and user_id = $2", DOMAIN, user_id
        )
        return [row["kind"] for row in rows]


async def link(store: Store, user_id: str, identity: Identity, now: datetime) -> None:
    """Link in the store, as a call would, an identity that nobody has; at the time by which its user was made."""
    verdict = await store.link_identity(DOMAIN, identity, user_id, now=now, event_id=uuid7(now), actor="test")
    assert verdict == "linked"


async def until(holds: Callable[[], Awaitable[object]], seconds: float = 30) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not await holds():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def tables(dsn: str) -> AsyncIterator[Database]:
    """A database beside its service."""
    database = Database(dsn, service="test", pool_size=20, statement_timeout=timedelta(seconds=30), clock=Clock())
    await database.start()
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def running_both(databases: Databases, folder: Path) -> AsyncIterator[WholeUsers]:
    """Run both, on databases of their own."""
    (folder / "token").mkdir()
    (folder / "account").mkdir()
    dsn = databases.fresh("account")
    async with (
        running(databases.fresh("token"), folder / "token") as token,
        running_account(dsn, folder / "account", token.settings.listen[0], **identity_of(token)) as account,
        tables(dsn) as database,
    ):
        yield await whole_users_of(account, token, database)


def identity_of(token: Running) -> dict[str, str]:
    """Who account is at a token service."""
    identity = token.made["account"]
    return {
        "client_id": identity["client_id"],
        "client_key": identity["private_key_pem"],
        "domain_id": token.made["domain_id"],
    }


async def whole_users_of(account: Account, token: Running, database: Database) -> WholeUsers:
    """Both services, with a caller of their own."""
    app = await token.web_app(permissions=PERMISSIONS)
    caller = bearer((await token.by_secret(app)).access_token)
    return WholeUsers(account, token, Store(database, VAULT), database, app, caller)
