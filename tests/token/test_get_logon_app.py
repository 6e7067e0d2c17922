"""What a page for logging on is told of an app, by account's service identity alone."""

import asyncio
from typing import Any

from tessera.token.v1 import domain_service_pb2 as domain_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_service_pb2 as pb2

from tests.support.admin import update_app
from tests.support.calls import refused
from tests.support.token import DOMAIN, ISSUER, Running
from tests.support.token_client import REDIRECT_URI, SCOPES, App, TokenClient


async def told(service: Running, app: App, redirect_uri: str = "") -> pb2.GetLogonAppResponse:
    request = pb2.GetLogonAppRequest(client_id=app.client_id, redirect_uri=redirect_uri)
    return await service.mint.GetLogonApp(request, metadata=await service.minter())


async def test_all_that_a_page_needs(service: Running) -> None:
    fields: dict[str, Any] = {"description": "Sells things.", "logo": "https://shop.example.com/logo.png"}
    app = await service.web_app(**fields, skip_consent=True)
    assert await told(service, app, REDIRECT_URI) == pb2.GetLogonAppResponse(
        client_id=app.client_id,
        domain_id=DOMAIN,
        issuer=ISSUER,
        domain_name=DOMAIN,
        type=admin_pb2.APP_TYPE_WEB_SERVER,
        name="app",
        redirect_uris=[REDIRECT_URI],
        scopes=SCOPES,
        admitted=True,
        skip_consent=True,
        redeems_codes=True,
        redirect_uri_registered=True,
        **fields,
    )


async def test_who_brings_a_challenge_and_who_gets_codes(service: Running) -> None:
    native, jwt_app = await told(service, await service.native_app()), await told(service, await service.jwt_app())
    assert (native.needs_code_challenge, native.redeems_codes, native.skip_consent) == (True, True, False)
    assert (jwt_app.needs_code_challenge, jwt_app.redeems_codes) == (False, False)


async def test_an_app_that_is_not_admitted_says_so(service: Running) -> None:
    """Its operator is to be told what is missing; a page decides whom it tells."""
    app = await service.web_app(admit=False)
    assert not (await told(service, app)).admitted
    await service.admin.AllowApp(admin_pb2.AllowAppRequest(client_id=app.client_id), metadata=await service.operator())
    assert (await told(service, app)).admitted


async def test_whether_a_redirect_uri_is_the_apps(service: Running) -> None:
    app = await service.app(admin_pb2.APP_TYPE_NATIVE, redirect_uris=["http://127.0.0.1/cb", "com.example.app:/cb"])
    for uri, registered in (
        ("http://127.0.0.1:4711/cb", True),
        ("com.example.app:/cb", True),
        ("http://localhost/cb", False),
        ("", False),
        ("é\n" * 5000, False),
    ):
        assert (await told(service, app, uri)).redirect_uri_registered is registered, uri


async def test_what_an_operator_changes_is_told(service: Running) -> None:
    app = await service.web_app()
    await update_app(service, app, name="Shop", skip_consent=True)
    assert ((await told(service, app)).name, (await told(service, app)).skip_consent) == ("Shop", True)
    await update_app(service, app, "skip_consent")
    assert not (await told(service, app)).skip_consent


async def test_an_app_of_another_domain_comes_with_that(service: Running, tenant: TokenClient) -> None:
    request = domain_pb2.UpdateDomainRequest()
    request.domain.domain_id, request.domain.name = tenant.made["domain_id"], "Tenant & Co."
    await tenant.domains.UpdateDomain(request, metadata=await tenant.operator())
    app = await tenant.web_app()
    answer = await told(service, app)
    assert (answer.domain_id, answer.issuer) == ("tenant", f"{ISSUER}/d/tenant")
    async with asyncio.timeout(30):
        while (await told(service, app)).domain_name != "Tenant & Co.":
            await asyncio.sleep(0.1)


async def test_apps_that_are_not_there(service: Running) -> None:
    for client_id in ("unknown", "bj1", "1500000001", service.made["user_id"]):
        await refused(told(service, App(client_id)), "NOT_FOUND_APP")
    for client_id in ("a\0b", "é", "x" * 65):
        await refused(told(service, App(client_id)), "FIELD_INVALID", "client_id")


async def test_account_alone_asks(service: Running) -> None:
    request = pb2.GetLogonAppRequest(client_id=(await service.web_app()).client_id)
    await refused(service.mint.GetLogonApp(request), "UNAUTHENTICATED")
    await refused(service.mint.GetLogonApp(request, metadata=await service.operator()), "PERMISSION_DENIED")
