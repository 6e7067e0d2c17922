from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.admin import app_ids, get_app, revocations, update_app
from tests.support.calls import refused
from tests.support.token import Running
from tests.support.token_client import RSA_KEY, App, TokenClient, public_pem


async def delete(service: TokenClient, app: App, etag: str = "") -> None:
    request = admin_pb2.DeleteAppRequest(client_id=app.client_id, etag=etag)
    await service.admin.DeleteApp(request, metadata=await service.operator())


async def test_a_deleted_app_is_gone_for_good(service: Running) -> None:
    app = await service.jwt_app()
    issued = await service.by_assertion(app, await service.user())
    await delete(service, app)
    await refused(get_app(service, app), "NOT_FOUND_APP")
    await refused(update_app(service, app, name="x"), "NOT_FOUND_APP")
    await refused(delete(service, app), "NOT_FOUND_APP")
    assert app.client_id not in await app_ids(service, page_size=1000)
    await refused(service.refresh(app, issued.refresh_token), "INVALID_CLIENT")
    await refused(service.by_assertion(app, await service.user()), "INVALID_CLIENT")
    allow = admin_pb2.AllowAppRequest(client_id=app.client_id)
    await refused(service.admin.AllowApp(allow, metadata=await service.operator()), "NOT_FOUND_APP")


async def test_what_is_left_of_it(service: Running) -> None:
    app = await service.jwt_app()
    await delete(service, app)
    (row,) = await revocations(service, app.client_id)
    assert row["kind"] == "app"
    assert (await service.audit(client_id=app.client_id))[-1]["event"] == "app.deleted"
    async with service.database() as database:
        owner = await database.fetchrow("select domain_id, kind from token.credential where id = $1", app.client_id)
        keys = await database.fetch("select * from token.trusted_key where client_id = $1", app.client_id)
    assert owner is not None
    assert (owner["domain_id"], owner["kind"], keys) == ("bj1", "app", [])


async def test_no_user_gets_the_id_of_an_app_that_was(service: Running) -> None:
    app = await service.web_app()
    await delete(service, app)
    await refused(service.user(user_id=app.client_id), "ALREADY_EXISTS_USER")


async def test_an_etag_of_another_state(service: Running) -> None:
    app = await service.web_app()
    etag = (await get_app(service, app)).etag
    told = await update_app(service, app, name="new")
    await refused(delete(service, app, etag), "ETAG_MISMATCH")
    await delete(service, app, told.etag)


async def test_an_app_of_somebody_else(service: Running, tenant: TokenClient) -> None:
    app = await service.web_app()
    await refused(delete(tenant, app), "NOT_FOUND_APP")
    await service.by_secret(app)
    await refused(delete(service, App("a\0b")), "NOT_FOUND_APP")
    await refused(delete(service, App("")), "FIELD_MISSING", "client_id")


async def test_nothing_is_added_to_it(service: Running) -> None:
    app = await service.jwt_app()
    await delete(service, app)
    operator = await service.operator()
    key = admin_pb2.AddTrustedKeyRequest(client_id=app.client_id, public_key_pem=public_pem(RSA_KEY))
    await refused(service.admin.AddTrustedKey(key, metadata=operator), "NOT_FOUND_APP")
    secret = admin_pb2.CreateAppSecretRequest(client_id=app.client_id)
    await refused(service.admin.CreateAppSecret(secret, metadata=operator), "NOT_FOUND_APP")
