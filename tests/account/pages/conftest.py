"""The pages with the real token service, and domains in which people log on."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from tessera.account.v1 import logon_service_pb2_grpc

from services.account.resources import Resources
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.db import Database
from tests.account.pages.browsers import Browser
from tests.account.pages.sitting import Directory, Elsewhere, Inbox, Sitting, serving_pages, sit
from tests.account.running import VAULT
from tests.account.with_token import Services, unused_mobile


@pytest.fixture(scope="package")
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture(scope="package")
def elsewhere() -> Elsewhere:
    return Elsewhere()


@pytest.fixture(scope="package")
def page_resources(resources: Resources, inbox: Inbox, elsewhere: Elsewhere) -> Resources:
    """The parts of the service, with what people log on by."""
    return replace(resources, sender=inbox, connectors={"custom": elsewhere, "wechat": elsewhere, "ldap": Directory()})


@pytest_asyncio.fixture(scope="package")
async def stub(page_resources: Resources) -> AsyncIterator[logon_service_pb2_grpc.LogonServiceStub]:
    async with serving_pages(page_resources) as made:
        yield made


@pytest_asyncio.fixture(scope="package")
async def replica(account_dsn: str, page_resources: Resources) -> AsyncIterator[Resources]:
    """Another process of the service on the same database."""
    database = Database(
        account_dsn, service="replica", pool_size=10, statement_timeout=timedelta(seconds=10), clock=Clock()
    )
    await database.start()
    yield replace(page_resources, store=Store(database, VAULT))
    await database.close()


@pytest_asyncio.fixture(scope="package")
async def sitting(
    stub: logon_service_pb2_grpc.LogonServiceStub,
    page_resources: Resources,
    services: Services,
    inbox: Inbox,
    elsewhere: Elsewhere,
) -> Sitting:
    """The domain in which most tests log on: with the settings that every domain has."""
    return await sit(stub, page_resources, services.token, inbox=inbox, elsewhere=elsewhere)


@pytest_asyncio.fixture
async def own_sitting(sitting: Sitting) -> Sitting:
    """A domain of a test's own, whose settings it may change."""
    tenant = await sitting.token.tenant(f"t{uuid.uuid4().hex[:8]}")
    return await sit(
        sitting.stub,
        sitting.resources,
        sitting.token,
        inbox=sitting.inbox,
        elsewhere=sitting.elsewhere,
        tenant=tenant,
    )


@pytest.fixture
def browser(sitting: Sitting) -> Browser:
    return sitting.browser()


@pytest.fixture
def mobile() -> str:
    """A number that nobody has."""
    return unused_mobile()
