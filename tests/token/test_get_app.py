from google.protobuf.duration_pb2 import Duration
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.admin import get_app
from tests.support.calls import bearer, refused
from tests.support.token import Running
from tests.support.token_client import REDIRECT_URI, RSA_KEY, SCOPES, App


async def test_an_app_is_as_it_was_made(service: Running) -> None:
    app = await service.web_app(
        permissions=["account.link"],
        description="What it is for.",
        logo="https://app.example.com/logo.png",
        admit=False,
    )
    told = await get_app(service, app)
    assert (told.client_id, told.name, told.type) == (app.client_id, "app", admin_pb2.APP_TYPE_WEB_SERVER)
    assert (told.description, told.logo) == ("What it is for.", "https://app.example.com/logo.png")
    assert (tuple(told.scopes), list(told.redirect_uris), list(told.permissions)) == (
        SCOPES,
        [REDIRECT_URI],
        ["account.link"],
    )
    assert not told.admitted
    assert (told.grace, told.grace_repeats, told.repeat_until_used) == (Duration(seconds=30), 10, False)
    assert not told.HasField("session_idle")
    assert not told.HasField("session_lifetime")
    assert told.token_type == "JWT"
    # Nobody is spared a question, and nothing opened, that no operator has asked for.
    assert (told.skip_consent, told.device_flow) == (False, False)
    assert abs(told.create_time.seconds - service.clock.timestamp()) < 60
    assert not told.HasField("update_time")
    assert told.etag


async def test_no_secret_is_told(service: Running) -> None:
    app = await service.web_app()
    told = await get_app(service, app)
    assert len(told.secrets) == 1
    assert app.secret not in str(told)
    assert not (await get_app(service, await service.jwt_app(RSA_KEY))).secrets


async def test_apps_that_are_not_there(service: Running) -> None:
    for client_id in ("unknown", "a\0b", "1500000001", service.made["user_id"]):
        await refused(get_app(service, App(client_id)), "NOT_FOUND_APP")
    await refused(get_app(service, App("")), "FIELD_MISSING", "client_id")


async def test_who_may_not_see_it(service: Running) -> None:
    app = await service.web_app()
    request = admin_pb2.GetAppRequest(client_id=app.client_id)
    await refused(service.admin.GetApp(request), "UNAUTHENTICATED")
    user = await service.by_assertion(await service.jwt_app(), await service.user())
    for metadata in (bearer(user.access_token), await service.caller("account.link")):
        await refused(service.admin.GetApp(request, metadata=metadata), "PERMISSION_DENIED")
