import asyncio

import grpc
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.admin import get_app
from tests.support.calls import Metadata, refusal_in, refused
from tests.support.token import Running
from tests.support.token_client import App, TokenClient, new_p256


async def create(service: TokenClient, app: App, metadata: Metadata | None = None) -> admin_pb2.CreateAppSecretResponse:
    request = admin_pb2.CreateAppSecretRequest(client_id=app.client_id)
    return await service.admin.CreateAppSecret(request, metadata=metadata or await service.operator())


async def delete(service: TokenClient, app: App, secret_id: str) -> None:
    request = admin_pb2.DeleteAppSecretRequest(client_id=app.client_id, secret_id=secret_id)
    await service.admin.DeleteAppSecret(request, metadata=await service.operator())


async def test_a_secret_is_replaced_without_one_failed_call(service: Running) -> None:
    app = await service.web_app()
    (old,) = (await get_app(service, app)).secrets
    made = await create(service, app)
    assert [each.secret_id for each in (await get_app(service, app)).secrets] == [old.secret_id, made.secret_id]
    new = App(app.client_id, made.client_secret)
    await service.by_secret(app)
    await service.by_secret(new)
    await delete(service, app, old.secret_id)
    await service.by_secret(new)
    await refused(service.by_secret(app), "INVALID_CLIENT")
    rows = [(row["event"], row["detail"]) for row in await service.audit(client_id=app.client_id)]
    assert [row for row in rows if row[0].startswith("app_secret.")] == [
        ("app_secret.created", made.secret_id),
        ("app_secret.deleted", old.secret_id),
    ]
    assert made.client_secret not in str(rows)


async def test_two_live_at_the_most(service: Running) -> None:
    app = await service.web_app()
    await create(service, app)
    await refused(create(service, app), "APP_CREDENTIALS_EXHAUSTED")


async def test_race_for_the_second_place(service: Running) -> None:
    app = await service.web_app()
    results = await asyncio.gather(*(create(service, app) for _ in range(8)), return_exceptions=True)
    lost = [result for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert {refusal_in(error).reason for error in lost} == {"APP_CREDENTIALS_EXHAUSTED"}
    assert len(lost) == 7
    assert len((await get_app(service, app)).secrets) == 2


async def test_an_app_without_a_secret(service: Running) -> None:
    for app in (await service.native_app(), await service.jwt_app()):
        await refused(create(service, app), "APP_CREDENTIALS_EXHAUSTED")
    keyed = await service.app(admin_pb2.APP_TYPE_SERVICE, key=new_p256(), scopes=[])
    made = await create(service, keyed)
    await service.by_secret(App(keyed.client_id, made.client_secret))


async def test_nobody_calls_as_an_app_that_may_more_than_he(service: Running) -> None:
    app = await service.web_app(permissions=["account.link"], scopes=[])
    deputy = await service.caller("token.admin")
    await refused(create(service, app, deputy), "PERMISSION_DENIED")
    await create(service, app, await service.caller("token.admin", "account.link"))
    gateway = App(service.made["gateway"]["client_id"])
    await refused(create(service, gateway), "PERMISSION_DENIED")


async def test_what_is_not_there(service: Running, tenant: TokenClient) -> None:
    app = await service.web_app()
    (secret,) = (await get_app(service, app)).secrets
    await refused(create(tenant, app), "NOT_FOUND_APP")
    await refused(delete(tenant, app, secret.secret_id), "NOT_FOUND_APP")
    for secret_id in ("unknown", "a\0b"):
        await refused(delete(service, app, secret_id), "NOT_FOUND_APP_SECRET")
    await refused(delete(service, app, ""), "FIELD_MISSING", "secret_id")
    await refused(create(service, App("unknown")), "NOT_FOUND_APP")
    await service.by_secret(app)
