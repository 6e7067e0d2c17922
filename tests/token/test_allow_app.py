from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.calls import refused
from tests.support.token import Running


async def _allow(service: Running, client_id: str) -> None:
    await service.admin.AllowApp(admin_pb2.AllowAppRequest(client_id=client_id), metadata=await service.operator())


async def test_an_app_may_do_nothing_until_it_is_allowed(service: Running) -> None:
    app = await service.web_app(admit=False)
    await refused(service.by_secret(app), "UNAUTHORIZED_CLIENT")
    await _allow(service, app.client_id)
    await service.by_secret(app)
    await _allow(service, app.client_id)


async def test_apps_that_are_not_there(service: Running) -> None:
    for client_id in ("unknown", "a\0b", "1500000001"):
        await refused(_allow(service, client_id), "NOT_FOUND_APP")
    await refused(_allow(service, ""), "FIELD_MISSING", "client_id")
