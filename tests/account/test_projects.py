"""Projects and providers, set up by an operator."""

import json
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask
from tessera.account.v1 import account_admin_pb2 as nouns_pb2
from tessera.account.v1 import account_admin_service_pb2 as admin_pb2

from tests.account.callers import Domain
from tests.account.open_accounts import Operator
from tests.account.running import Account
from tests.support.calls import refused
from tests.support.oidc import new_key

REQUEST_ID = "0197c3a2-6d12-7c3b-b1f4-08e6d5a97c24"


@pytest_asyncio.fixture
async def operator(alone: Account, domain: Domain) -> Operator:
    operator = Operator(alone, domain)
    await operator.project()
    return operator


def mask(*paths: str) -> FieldMask:
    return FieldMask(paths=paths)


async def test_a_project_is_told_changed_and_taken_away(operator: Operator) -> None:
    admin, caller = operator.account.admin, operator.caller
    made = await admin.GetProject(admin_pb2.GetProjectRequest(project_id="p1"), metadata=caller)
    assert (made.name, made.HasField("update_time"), bool(made.etag)) == ("Cars", False, True)
    request = admin_pb2.UpdateProjectRequest(project=nouns_pb2.Project(project_id="p1", name="Vans", etag=made.etag))
    changed = await admin.UpdateProject(request, metadata=caller)
    assert (changed.name, changed.HasField("update_time")) == ("Vans", True)
    # The state that was meant is gone; what changes nothing is no change.
    await refused(admin.UpdateProject(request, metadata=caller), "CHANGED_MEANWHILE")
    request.project.etag = changed.etag
    assert (await admin.UpdateProject(request, metadata=caller)).etag == changed.etag
    gone = admin_pb2.DeleteProjectRequest(project_id="p1", etag=made.etag)
    await refused(admin.DeleteProject(gone, metadata=caller), "CHANGED_MEANWHILE")
    gone.etag = changed.etag
    await admin.DeleteProject(gone, metadata=caller)
    await refused(admin.DeleteProject(gone, metadata=caller), "NOT_FOUND_PROJECT")
    await refused(admin.GetProject(admin_pb2.GetProjectRequest(project_id="p1"), metadata=caller), "NOT_FOUND_PROJECT")


async def test_a_project_with_something_in_it_stays(operator: Operator) -> None:
    await operator.register()
    admin, caller = operator.account.admin, operator.caller
    await refused(
        admin.DeleteProject(admin_pb2.DeleteProjectRequest(project_id="p1"), metadata=caller), "PROJECT_IN_USE"
    )
    await admin.DeleteProvider(admin_pb2.DeleteProviderRequest(project_id="p1", idp="ALIOS"), metadata=caller)
    await operator.open_account()
    await refused(
        admin.DeleteProject(admin_pb2.DeleteProjectRequest(project_id="p1"), metadata=caller), "PROJECT_IN_USE"
    )


async def test_projects_and_providers_by_pages(operator: Operator) -> None:
    admin, caller = operator.account.admin, operator.caller
    for number in (2, 3):
        await operator.project(f"p{number}")
    for idp in ("C", "A", "B"):
        await operator.register(idp=idp)
    projects: list[str] = []
    providers: list[str] = []
    token = ""
    while token or not projects:
        page = await admin.ListProjects(admin_pb2.ListProjectsRequest(page_size=2, page_token=token), metadata=caller)
        projects += [each.project_id for each in page.projects]
        token = page.next_page_token
    while token or not providers:
        request = admin_pb2.ListProvidersRequest(project_id="p1", page_size=2, page_token=token)
        listed = await admin.ListProviders(request, metadata=caller)
        providers += [each.idp for each in listed.providers]
        token = listed.next_page_token
    assert (projects, providers) == (["p1", "p2", "p3"], ["A", "B", "C"])
    request = admin_pb2.ListProvidersRequest(project_id="p1", page_token="x")
    await refused(admin.ListProviders(request, metadata=caller), "FIELD_INVALID", "page_token")
    request = admin_pb2.ListProvidersRequest(project_id="p9")
    await refused(admin.ListProviders(request, metadata=caller), "NOT_FOUND_PROJECT")


async def test_a_call_made_again_makes_nothing_more(operator: Operator) -> None:
    admin, caller = operator.account.admin, operator.caller
    project = admin_pb2.CreateProjectRequest(name="Bikes", request_id=REQUEST_ID)
    provider = admin_pb2.CreateProviderRequest(provider=operator.provider(), request_id=REQUEST_ID)
    account = admin_pb2.CreateOpenAccountRequest(
        project_id="p1", idp="ALIOS", open_id="1", request_id=REQUEST_ID.upper()
    )
    first = [
        await admin.CreateProject(project, metadata=caller),
        await admin.CreateProvider(provider, metadata=caller),
        await admin.CreateOpenAccount(account, metadata=caller),
    ]
    again = [
        await admin.CreateProject(project, metadata=caller),
        await admin.CreateProvider(provider, metadata=caller),
        await admin.CreateOpenAccount(account, metadata=caller),
    ]
    assert again == first
    # Another call: of other content, or of somebody else.
    provider.provider.audiences.append("other")
    account.login_id = "ann"
    await refused(admin.CreateProvider(provider, metadata=caller), "ALREADY_EXISTS_PROVIDER")
    await refused(admin.CreateOpenAccount(account, metadata=caller), "ALREADY_EXISTS_OPEN_ACCOUNT")
    boss = operator.domain.user("boss", "superadmin")
    await refused(admin.CreateProject(project, metadata=boss), "ALREADY_EXISTS_PROJECT")
    project.request_id = "no UUID"
    await refused(admin.CreateProject(project, metadata=caller), "FIELD_INVALID", "request_id")


async def test_a_provider_is_told_and_changed(operator: Operator) -> None:
    admin, caller = operator.account.admin, operator.caller
    made = await operator.register(jwks_uri="https://id.example.com/keys")
    got = await admin.GetProvider(admin_pb2.GetProviderRequest(project_id="p1", idp="ALIOS"), metadata=caller)
    assert got == made
    assert list(got.algorithms) == ["RS256", "ES256", "EdDSA"]
    changed = nouns_pb2.Provider(project_id="p1", idp="ALIOS", audiences=["b", "a", "b"], etag=made.etag)
    stored = await admin.UpdateProvider(admin_pb2.UpdateProviderRequest(provider=changed), metadata=caller)
    assert list(stored.audiences) == ["b", "a"]
    assert (stored.issuer, stored.jwks_uri) == (made.issuer, made.jwks_uri)
    refusal = admin.UpdateProvider(admin_pb2.UpdateProviderRequest(provider=changed), metadata=caller)
    await refused(refusal, "CHANGED_MEANWHILE")
    # Keys are given or fetched: one instead of the other takes both in one change.
    jwks = json.dumps({"keys": [new_key().as_dict(private=False)]})
    changed = nouns_pb2.Provider(project_id="p1", idp="ALIOS", jwks=jwks)
    request = admin_pb2.UpdateProviderRequest(provider=changed)
    await refused(admin.UpdateProvider(request, metadata=caller), "FIELD_INVALID", "provider.jwks_uri")
    request.update_mask.CopyFrom(mask("jwks", "jwks_uri"))
    assert (await admin.UpdateProvider(request, metadata=caller)).jwks_uri == ""
    request.update_mask.CopyFrom(mask("nothing"))
    await refused(admin.UpdateProvider(request, metadata=caller), "FIELD_INVALID", "update_mask")


@pytest.mark.parametrize(
    ("changed", "reason", "field"),
    [
        ({"project_id": ""}, "FIELD_MISSING", "provider.project_id"),
        ({"idp": ""}, "FIELD_MISSING", "provider.idp"),
        ({"issuer": ""}, "FIELD_MISSING", "provider.issuer"),
        ({"audiences": []}, "FIELD_MISSING", "provider.audiences"),
        ({"project_id": "p9"}, "NOT_FOUND_PROJECT", ""),
        ({"project_id": "a b"}, "FIELD_INVALID", "provider.project_id"),
        ({"idp": "AL:IOS"}, "FIELD_INVALID", "provider.idp"),
        ({"idp": "x" * 65}, "FIELD_INVALID", "provider.idp"),
        ({"idp": "https"}, "FIELD_INVALID", "provider.idp"),
        ({"issuer": "http://id.example.com"}, "FIELD_INVALID", "provider.issuer"),
        ({"issuer": "https://id.example.com/?a=b"}, "FIELD_INVALID", "provider.issuer"),
        ({"issuer": "https://user@id.example.com"}, "FIELD_INVALID", "provider.issuer"),
        ({"issuer": "https://"}, "FIELD_INVALID", "provider.issuer"),
        ({"issuer": "https://[::1"}, "FIELD_INVALID", "provider.issuer"),
        ({"issuer": "file:///etc/passwd", "private_addresses": True}, "FIELD_INVALID", "provider.issuer"),
        ({"jwks_uri": "http://id.example.com/keys"}, "FIELD_INVALID", "provider.jwks_uri"),
        ({"audiences": ["x"] * 21}, "FIELD_INVALID", "provider.audiences"),
        ({"audiences": [""]}, "FIELD_INVALID", "provider.audiences"),
        ({"algorithms": ["none"]}, "FIELD_INVALID", "provider.algorithms"),
        ({"algorithms": ["HS256"]}, "FIELD_INVALID", "provider.algorithms"),
        ({"jwks": "{"}, "FIELD_INVALID", "provider.jwks"),
        ({"jwks": '{"keys": []}'}, "FIELD_INVALID", "provider.jwks"),
        ({"jwks": " " * 40_000}, "FIELD_INVALID", "provider.jwks"),
    ],
    ids=str,
)
async def test_no_provider(operator: Operator, changed: dict[str, Any], reason: str, field: str) -> None:
    await refused(operator.register(**changed), reason, field)


async def test_a_name_is_one_projects_once_and_takes_links_once(operator: Operator) -> None:
    await operator.register(takes_links=True)
    await refused(operator.register(), "ALREADY_EXISTS_PROVIDER")
    await operator.project("p2")
    await refused(operator.register(project_id="p2", takes_links=True), "FIELD_INVALID", "provider.takes_links")
    await operator.register(project_id="p2")
    changed = operator.provider(project_id="p2", takes_links=True)
    request = admin_pb2.UpdateProviderRequest(provider=changed, update_mask=mask("takes_links"))
    admin = operator.account.admin
    await refused(admin.UpdateProvider(request, metadata=operator.caller), "FIELD_INVALID", "provider.takes_links")


async def test_a_network_of_ours_is_opened_by_who_may(operator: Operator) -> None:
    tenant = operator.domain.access_key("account.admin")
    private = operator.provider(private_addresses=True)
    admin = operator.account.admin
    await refused(
        admin.CreateProvider(admin_pb2.CreateProviderRequest(provider=private), metadata=tenant), "PERMISSION_DENIED"
    )
    await operator.register()
    request = admin_pb2.UpdateProviderRequest(provider=private, update_mask=mask("private_addresses"))
    await refused(admin.UpdateProvider(request, metadata=tenant), "PERMISSION_DENIED")
    assert (await admin.UpdateProvider(request, metadata=operator.caller)).private_addresses
    # Nor may who may not open one send it elsewhere in one that is open.
    elsewhere = operator.provider(issuer="https://else.example.com")
    request = admin_pb2.UpdateProviderRequest(provider=elsewhere, update_mask=mask("issuer"))
    await refused(admin.UpdateProvider(request, metadata=tenant), "PERMISSION_DENIED")


async def test_who_may_not(operator: Operator) -> None:
    admin = operator.account.admin
    for caller in (operator.domain.user("admin", "admin"), operator.domain.access_key("account.describe")):
        for call in (
            admin.GetProject(admin_pb2.GetProjectRequest(project_id="p1"), metadata=caller),
            admin.ListProjects(admin_pb2.ListProjectsRequest(), metadata=caller),
            admin.CreateProvider(admin_pb2.CreateProviderRequest(provider=operator.provider()), metadata=caller),
            admin.GetOpenAccount(admin_pb2.GetOpenAccountRequest(identity_id="x"), metadata=caller),
        ):
            await refused(call, "PERMISSION_DENIED")


async def test_another_domains_project_does_not_exist(operator: Operator, alone: Account, other_domain: Domain) -> None:
    await operator.register()
    stranger = Operator(alone, other_domain)
    admin = alone.admin
    await refused(
        admin.GetProject(admin_pb2.GetProjectRequest(project_id="p1"), metadata=stranger.caller), "NOT_FOUND_PROJECT"
    )
    request = admin_pb2.DeleteProviderRequest(project_id="p1", idp="ALIOS")
    await refused(admin.DeleteProvider(request, metadata=stranger.caller), "NOT_FOUND_PROVIDER")
    await refused(stranger.register(), "NOT_FOUND_PROJECT")
