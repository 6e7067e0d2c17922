"""How identity providers that were taken away or cut down were used all the same elsewhere, each tried here, by CVE."""

from collections.abc import AsyncIterator

import pytest_asyncio
from tessera.account.v1 import account_admin_pb2 as nouns_pb2
from tessera.account.v1 import account_admin_service_pb2 as admin_pb2
from tessera.account.v1 import account_service_pb2 as pb2

from services.account.model import normalise
from services.account.store import Store
from services.runtime.clock import Clock
from tests.account.callers import Domain
from tests.account.linking import linked
from tests.account.open_accounts import Operator
from tests.account.running import Account
from tests.support.calls import refused
from tests.support.oidc import Provider, running_provider


@pytest_asyncio.fixture
async def provider() -> AsyncIterator[Provider]:
    async with running_provider() as made:
        yield made


@pytest_asyncio.fixture
async def operator(alone: Account, domain: Domain) -> Operator:
    operator = Operator(alone, domain)
    await operator.project()
    return operator


async def update(operator: Operator, provider: nouns_pb2.Provider, *paths: str) -> None:
    request = admin_pb2.UpdateProviderRequest(provider=provider)
    request.update_mask.paths.extend(paths)
    await operator.account.admin.UpdateProvider(request, metadata=operator.caller)


async def delete(operator: Operator) -> None:
    request = admin_pb2.DeleteProviderRequest(project_id="p1", idp="ALIOS")
    await operator.account.admin.DeleteProvider(request, metadata=operator.caller)


async def link_is_no_account(operator: Operator, identity_id: str) -> None:
    """By none of the ways in which it was one."""
    caller, accounts, admin = operator.caller, operator.account.open_accounts, operator.account.admin
    await refused(operator.describe(identity_id=identity_id), "NOT_FOUND_OPEN_ACCOUNT")
    await refused(operator.describe(identity_id=identity_id, project_id="p1"), "NOT_FOUND_OPEN_ACCOUNT")
    listing = pb2.ListOpenAccountsRequest(project_id="p1")
    assert not (await accounts.ListOpenAccounts(listing, metadata=caller)).open_accounts
    record = admin_pb2.GetOpenAccountRequest(identity_id=identity_id)
    await refused(admin.GetOpenAccount(record, metadata=caller), "NOT_FOUND_OPEN_ACCOUNT")
    person = pb2.ListOpenAccountLinksRequest(identity_id=identity_id)
    await refused(accounts.ListOpenAccountLinks(person, metadata=caller), "NOT_FOUND_OPEN_ACCOUNT")


async def test_cve_2026_16442_a_provider_that_was_taken_away_vouches_for_nobody(
    operator: Operator, provider: Provider
) -> None:
    """At once, also where its keys are known still, and by each way in which its token may come."""
    await operator.register(provider)
    identity_id, token = await operator.open_account(), provider.token()
    ways = ({}, {"project_id": "p1"}, {"identity_id": identity_id}, {"open_id": "12345"})
    for beside in ways:
        assert await operator.describe(id_token=token, idp="ALIOS", **beside)
    await delete(operator)
    for beside in ways:
        await refused(operator.describe(id_token=token, idp="ALIOS", **beside), "IDP_NOT_REGISTERED")


async def test_cve_2026_16442_links_of_a_provider_that_was_taken_away_open_nothing(
    operator: Operator, store: Store, domain: Domain, provider: Provider
) -> None:
    await linked(store, domain.id, normalise("custom", "ALIOS:12345"), "u1", Clock().now())
    await operator.register(provider, takes_links=True)
    token = provider.token()
    identity_id = (await operator.describe(id_token=token, idp="ALIOS")).open_account.identity_id
    await delete(operator)
    await refused(operator.describe(id_token=token, idp="ALIOS"), "IDP_NOT_REGISTERED")
    await link_is_no_account(operator, identity_id)


async def test_cve_2025_64717_links_of_a_provider_that_takes_none_any_more_open_nothing(
    operator: Operator, store: Store, domain: Domain, provider: Provider
) -> None:
    await linked(store, domain.id, normalise("custom", "ALIOS:12345"), "u1", Clock().now())
    await operator.register(provider, takes_links=True)
    token = provider.token()
    identity_id = (await operator.describe(id_token=token, idp="ALIOS")).open_account.identity_id
    await update(operator, operator.provider(takes_links=False), "takes_links")
    await refused(operator.describe(id_token=token, idp="ALIOS"), "NOT_FOUND_OPEN_ACCOUNT")
    await link_is_no_account(operator, identity_id)


async def test_cve_2026_3009_a_provider_that_was_cut_down_is_less_for_tokens_of_before(
    operator: Operator, provider: Provider
) -> None:
    """There is no switch: a provider is turned off by what it may vouch for, or taken away."""
    await operator.register(provider)
    await operator.open_account()
    token = provider.token()
    assert await operator.describe(id_token=token, idp="ALIOS")
    for cut, whole in (
        ({"audiences": ["another-app"]}, {}),
        ({"issuer": "https://else.example.com"}, {"issuer": provider.issuer}),
        ({"algorithms": ["RS256"]}, {"algorithms": []}),
    ):
        values = {"issuer": provider.issuer, "private_addresses": True}
        (path,) = cut
        await update(operator, operator.provider(**(values | cut)), path)
        await refused(operator.describe(id_token=token, idp="ALIOS"), "ID_TOKEN_INVALID")
        await update(operator, operator.provider(**(values | whole)), path)
        assert await operator.describe(id_token=token, idp="ALIOS")


async def test_cve_2026_3009_a_name_that_is_given_anew_is_not_the_old_providers(
    operator: Operator, provider: Provider
) -> None:
    await operator.register(provider)
    await operator.open_account()
    token = provider.token()
    assert await operator.describe(id_token=token, idp="ALIOS")
    await delete(operator)
    async with running_provider() as other:
        await operator.register(other)
        await refused(operator.describe(id_token=token, idp="ALIOS"), "ID_TOKEN_INVALID")
        await refused(operator.describe(id_token=provider.token(iss=other.issuer), idp="ALIOS"), "ID_TOKEN_INVALID")
        assert await operator.describe(id_token=other.token(), idp="ALIOS")
