"""What token revokes, account and binding refuse within a second: real services, each on its port and its database."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from tessera.account.v1 import account_service_pb2
from tessera.binding.v1 import binding_service_pb2, binding_service_pb2_grpc
from tessera.edge import external_auth_pb2 as auth_pb2

from services.binding.config import BindingSettings
from services.binding.wiring import wire as wire_binding
from services.runtime.auth import EDGE_HEADER
from services.runtime.clock import Clock
from services.runtime.env import Address
from services.runtime.ids import uuid7
from services.runtime.server import opened
from services.token.store import Store
from tests.account.running import Account, running_account
from tests.support.calls import Metadata, bearer, refused
from tests.support.databases import Databases
from tests.support.ports import free_ports
from tests.support.token import DOMAIN, Running, run_bootstrap, running, serving, settings_of
from tests.support.token_client import App, basic

# A second, and more for a busy machine; but well before a verified token is looked at again.
SOON = 5.0


@dataclass(frozen=True)
class Services:
    """Token, and the two that follow it."""

    token: Running
    account: Account
    binding: grpc.aio.Channel

    async def look_up(self, user_id: str, caller: Metadata) -> None:
        """A call of account's that a user may make."""
        request = account_service_pb2.GetLinkInfoByUserIdRequest(user_id=user_id)
        await self.account.links.GetLinkInfoByUserId(request, metadata=caller)

    async def query(self, caller: Metadata) -> None:
        """A call of binding's."""
        request = binding_service_pb2.BatchOperateAccountsRequest(operator_type=4, token_list=["t"])
        await binding_service_pb2_grpc.BindingServiceStub(self.binding).BatchOperateAccounts(request, metadata=caller)

    async def edge_token(self, access_id: int, secret: str) -> Metadata:
        """What the gateway puts into a push backend's request."""
        http = auth_pb2.AttributeContext.HttpRequest(headers={"authorization": basic(str(access_id), secret)})
        attributes = auth_pb2.AttributeContext(
            request=auth_pb2.AttributeContext.Request(http=http),
            context_extensions={"surface": "tpns", "audience": "binding"},
        )
        answer = await self.token.edge.Check(
            auth_pb2.CheckRequest(attributes=attributes), metadata=self.token.gateway()
        )
        return [(EDGE_HEADER, answer.ok_response.headers[0].header.value)]

    async def revoke(self, kind: Any, subject: str) -> None:
        """As an admin call does."""
        now = self.token.clock.now()
        async with self.token.database() as database, Store(database).transaction() as store:
            await store.insert_revocation(DOMAIN, uuid7(now), kind=kind, subject=subject, now=now)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def services(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Services]:
    async with AsyncExitStack() as stack:
        token = await stack.enter_async_context(running(databases.fresh("token"), tmp_path_factory.mktemp("token")))
        yield await beside(token, databases, tmp_path_factory.mktemp("others"), stack)


async def beside(token: Running, databases: Databases, folder: Path, stack: AsyncExitStack) -> Services:
    """Account and binding, which follow a token service."""
    (address,) = token.settings.listen
    identity = token.made["account"]
    account = await stack.enter_async_context(
        running_account(
            databases.fresh("account"),
            folder / "account",
            address,
            client_id=identity["client_id"],
            client_key=identity["private_key_pem"],
        )
    )
    settings = BindingSettings(
        listen=(Address("127.0.0.1", free_ports(1)[0]),),
        dsn=databases.fresh("binding"),
        state_dir=folder / "binding",
        token_address=(address,),
        drain=timedelta(0),
    )
    await stack.enter_async_context(opened("binding", settings, wire_binding, Clock()))
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(str(settings.listen[0])))
    return Services(token, account, channel)


async def seconds_until_refused(call: Callable[[], Awaitable[Any]]) -> float:
    """How long a credential is good yet, that was revoked just now."""
    started = time.monotonic()
    async with asyncio.timeout(20):
        while True:
            try:
                await call()
            except grpc.aio.AioRpcError as error:
                assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error  # noqa: PT017 how it ends
                return time.monotonic() - started
            await asyncio.sleep(0.02)


async def logged_on(token: Running, user_id: str, app: App) -> Metadata:
    return bearer((await token.redeem(app, await token.code(app, user_id))).access_token)


async def test_a_disabled_users_access_token_is_refused(services: Services) -> None:
    app = await services.token.web_app()
    user_id, other_id = await services.token.user(), await services.token.user()
    caller, other = await logged_on(services.token, user_id, app), await logged_on(services.token, other_id, app)
    await services.look_up(user_id, caller)
    await services.token.set_status(user_id, "disabled")
    assert await seconds_until_refused(lambda: services.look_up(user_id, caller)) < SOON
    await services.look_up(other_id, other)


async def test_a_code_that_is_used_twice_ends_the_access_token_that_it_gave(services: Services) -> None:
    app, user_id = await services.token.web_app(), await services.token.user()
    code = await services.token.code(app, user_id)
    caller = bearer((await services.token.redeem(app, code)).access_token)
    bystander = await logged_on(services.token, user_id, app)
    await services.look_up(user_id, caller)
    await refused(services.token.redeem(app, code), "INVALID_GRANT")
    assert await seconds_until_refused(lambda: services.look_up(user_id, caller)) < SOON
    await services.look_up(user_id, bystander)


async def test_a_revoked_app_is_refused_by_binding_and_so_is_a_push_app_at_the_edge(services: Services) -> None:
    push = await services.token.push_app()
    app = await services.token.web_app(push_access_ids=[push.access_id])
    issued = await services.token.by_secret(app, scope=f"push:{push.access_id}")
    caller, edge = bearer(issued.access_token), await services.edge_token(push.access_id, push.secret_key)
    await services.query(caller)
    await services.query(edge)
    await services.revoke("app", app.client_id)
    assert await seconds_until_refused(lambda: services.query(caller)) < SOON
    await services.query(edge)
    await services.revoke("app", str(push.access_id))
    assert await seconds_until_refused(lambda: services.query(edge)) < SOON


async def test_followers_learn_what_was_revoked_while_token_was_away(databases: Databases, tmp_path: Path) -> None:
    settings = settings_of(databases.fresh("token"), tmp_path)
    made = await run_bootstrap(settings, tmp_path)
    async with AsyncExitStack() as stack:
        async with serving(settings, made) as token:
            services = await beside(token, databases, tmp_path, stack)
            app, user_id = await token.web_app(), await token.user()
            caller = await logged_on(token, user_id, app)
            await services.look_up(user_id, caller)
        # Its tokens go on to be good; and what is revoked elsewhere, by another replica say, is learnt later.
        await services.look_up(user_id, caller)
        elsewhere = replace(settings, listen=(Address("127.0.0.1", free_ports(1)[0]),), state_dir=tmp_path / "other")
        async with serving(elsewhere, made) as other:
            await other.set_status(user_id, "disabled")
        await services.look_up(user_id, caller)
        async with serving(settings, made):
            assert await seconds_until_refused(lambda: services.look_up(user_id, caller)) < 10
