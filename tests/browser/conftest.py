"""A real browser, headless, before a running Tessera, and an app that people log on to."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright
from tessera.account.v1.domain_settings_service_pb2_grpc import DomainSettingsServiceStub
from tessera.account.v1.user_system_service_pb2_grpc import UserSystemServiceStub
from tessera.client import AccessTokens, ClientSecret, open_channel
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1.token_admin_service_pb2_grpc import TokenAdminServiceStub

from deploy.local.postgres import Postgres
from deploy.local.stack import Stack
from tests.browser.app import App, running_app
from tests.browser.operator import Operator
from tests.browser.person import Person, Wait
from tests.support.stack import running_stack, world_of
from tests.support.world import World

NewPerson = Callable[..., Awaitable[Person]]


@pytest_asyncio.fixture(scope="package")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The stack as `make run` starts it, but that each browser may say where it is: limits go by that."""
    more = {"TESSERA_GATEWAY_TRUSTED_HOPS": "1"}
    async with running_stack(tmp_path_factory.mktemp("stack"), environ=os.environ | more) as (made, _):
        yield made


@pytest.fixture(scope="package")
def world(stack: Stack) -> World:
    """The stack as strangers see it."""
    return world_of(stack)


@pytest_asyncio.fixture(scope="package")
async def operator(stack: Stack, world: World) -> AsyncIterator[Operator]:
    """Who runs the domain."""
    async with open_channel(world.grpc["token"]) as channel:
        access_tokens = AccessTokens(channel, ClientSecret(*stack.home.operator()))
        async with (
            open_channel(world.grpc["token"], access_tokens=access_tokens) as token,
            open_channel(world.grpc["account"], access_tokens=access_tokens) as account,
        ):
            yield Operator(
                TokenAdminServiceStub(token), DomainSettingsServiceStub(account), UserSystemServiceStub(account)
            )


@pytest_asyncio.fixture(scope="package")
async def app(world: World, operator: Operator) -> AsyncIterator[App]:
    """An app that people log on to, at an address where something answers."""
    async with running_app(world.gateway) as made:
        request = admin_pb2.CreateAppRequest(
            name="Paper & Ink",
            description="Letters, on paper.",
            type=admin_pb2.APP_TYPE_WEB_SERVER,
            redirect_uris=[made.redirect_uri, made.moved_uri, made.own_uri],
            scopes=["openid", "profile"],
            device_flow=True,
        )
        answer = await operator.apps.CreateApp(request)
        await operator.apps.AllowApp(admin_pb2.AllowAppRequest(client_id=answer.client_id))
        made.client_id, made.client_secret = answer.client_id, answer.client_secret
        yield made


@pytest_asyncio.fixture(scope="package")
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium: without what shows it to people, where that is there, which takes half the time."""
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        pytest.skip("chromium-headless-shell, or chromium (a system's packages), is missing")
    # Its sandbox does not work for root, whom containers of CI run as.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        await browser.close()


@pytest.fixture(scope="package")
def wait_a_minute(stack: Stack) -> Wait:
    """Nobody is sent two codes within a minute. Those that were used are taken away, as if it were over."""

    async def wait() -> None:
        connection = await asyncpg.connect(Postgres(stack.home, os.environ).dsn("postgres"))
        try:
            await connection.execute("delete from account.logon_code where ended_at is not null")
        finally:
            await connection.close()

    return wait


@pytest_asyncio.fixture
async def new_person(chromium: Browser, app: App, wait_a_minute: Wait) -> AsyncIterator[NewPerson]:
    """Makes somebody with a browser of their own, in which no script runs."""
    made: list[Person] = []

    async def new(**options: object) -> Person:
        made.append(await Person.at(chromium, app, wait_a_minute, **options))
        return made[-1]

    yield new
    for each in made:
        await each.context.close()


@pytest_asyncio.fixture
async def person(new_person: NewPerson) -> Person:
    """Somebody who reads English."""
    return await new_person()
