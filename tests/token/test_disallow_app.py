from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.admin import get_app, revocations
from tests.support.calls import refused
from tests.support.token import Running
from tests.support.token_client import REDIRECT_URI, App, TokenClient


async def disallow(service: TokenClient, app: App) -> None:
    request = admin_pb2.DisallowAppRequest(client_id=app.client_id)
    await service.admin.DisallowApp(request, metadata=await service.operator())


async def allow(service: TokenClient, app: App) -> None:
    request = admin_pb2.AllowAppRequest(client_id=app.client_id)
    await service.admin.AllowApp(request, metadata=await service.operator())


async def test_an_app_that_is_not_allowed_gets_nothing(service: Running) -> None:
    app, user_id = await service.web_app(), await service.user()
    issued = await service.redeem(app, await service.code(app, user_id))
    code = await service.code(app, user_id)
    await disallow(service, app)
    assert not (await get_app(service, app)).admitted
    for call in (
        service.by_secret(app),
        service.refresh(app, issued.refresh_token),
        service.redeem(app, code, redirect_uri=REDIRECT_URI),
        service.code(app, user_id),
    ):
        await refused(call, "UNAUTHORIZED_CLIENT")
    (row,) = await revocations(service, app.client_id)
    assert row["kind"] == "app"


async def test_its_sessions_go_on_after_it_is_allowed_again(service: Running) -> None:
    app = await service.web_app()
    issued = await service.redeem(app, await service.code(app, await service.user()))
    await disallow(service, app)
    await allow(service, app)
    assert (await get_app(service, app)).admitted
    await service.refresh(app, issued.refresh_token)


async def test_twice_changes_nothing(service: Running) -> None:
    app = await service.web_app()
    await allow(service, app)
    for _ in range(2):
        await disallow(service, app)
    etag = (await get_app(service, app)).etag
    await disallow(service, app)
    assert (await get_app(service, app)).etag == etag
    assert [row["event"] for row in await service.audit(client_id=app.client_id) if "allowed" in row["event"]] == [
        "app.allowed",
        "app.disallowed",
    ]
    assert len(await revocations(service, app.client_id)) == 1


async def test_apps_that_are_not_there(service: Running, tenant: TokenClient) -> None:
    app = await service.web_app()
    await refused(disallow(tenant, app), "NOT_FOUND_APP")
    await refused(allow(tenant, app), "NOT_FOUND_APP")
    await service.by_secret(app)
    for client_id in ("unknown", "a\0b"):
        await refused(disallow(service, App(client_id)), "NOT_FOUND_APP")
    await refused(disallow(service, App("")), "FIELD_MISSING", "client_id")
