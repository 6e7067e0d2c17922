import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tessera.token.v1 import session_service_pb2, token_pb2

from tests.support.calls import refused
from tests.support.token import Running
from tests.support.token_client import App, content


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app()


@pytest.fixture
async def user_id(service: Running) -> str:
    return await service.user()


async def test_codes_differ_and_are_kept_hashed(service: Running, app: App, user_id: str) -> None:
    codes = {await service.code(app, user_id) for _ in range(3)}
    assert len(codes) == 3
    rows = [row for row in await service.audit(user_id=user_id) if row["event"] == "authorization_code.created"]
    assert [(row["proof_method"], row["proof_identity"]) for row in rows] == [("mobile", "13900001234")] * 3


async def test_users_who_get_none(service: Running, app: App, user_id: str) -> None:
    await refused(service.code(app, "nobody"), "NOT_FOUND_USER")
    await service.set_status(user_id, "disabled")
    await refused(service.code(app, user_id), "USER_DISABLED")


@pytest.mark.parametrize("ended", ["revoked", "disabled and enabled"])
async def test_who_was_proven_before_all_was_ended_is_proven_anew(
    service: Running, app: App, user_id: str, ended: str
) -> None:
    device = await service.native_app(device_flow=True)
    authorization_id = (await service.asked((await service.device(device)).user_code)).authorization_id
    before = Timestamp()
    before.FromDatetime(service.clock.now())
    code = await service.code(app, user_id)
    if ended == "revoked":
        request = session_service_pb2.RevokeUserSessionsRequest(user_id=user_id)
        await service.sessions.RevokeUserSessions(request, metadata=await service.operator())
        # What was on its way ends, too.
        await refused(service.redeem(app, code), "INVALID_GRANT")
    else:
        await service.set_status(user_id, "disabled")
        await service.set_status(user_id, "enabled")
    await refused(service.code(app, user_id, auth_time=before), "USER_LOGGED_OFF")
    await refused(service.decide(authorization_id, user_id, auth_time=before), "USER_LOGGED_OFF")
    details = [row["detail"] for row in await service.audit(user_id=user_id) if row["event"].endswith("withheld")]
    assert details == ["logged_off", "logged_off"]
    anew = Timestamp()
    anew.FromDatetime(service.clock.now())
    await service.code(app, user_id, auth_time=anew)
    await service.decide(authorization_id, user_id, auth_time=anew)


async def test_apps_that_get_none(service: Running, app: App, user_id: str) -> None:
    await refused(service.code(App("unknown"), user_id), "UNAUTHORIZED_CLIENT")
    await refused(service.code(await service.jwt_app(), user_id), "UNAUTHORIZED_CLIENT")
    await refused(service.code(await service.web_app(admit=False), user_id), "UNAUTHORIZED_CLIENT")
    await refused(service.code(app, user_id, domain_id="bj2"), "UNAUTHORIZED_CLIENT")


async def test_redirect_uris_that_are_not_the_apps(service: Running, app: App, user_id: str) -> None:
    for uri in ("https://app.example.com/callback?x=1", "https://APP.example.com/callback", "https://evil.example.com"):
        await refused(service.code(app, user_id, redirect_uri=uri), "INVALID_REQUEST", "redirect_uri")


async def test_an_app_without_a_secret_needs_a_challenge(service: Running, user_id: str) -> None:
    native = await service.native_app()
    await refused(service.code(native, user_id), "INVALID_REQUEST", "code_challenge")
    await refused(service.code(native, user_id, code_challenge="short"), "FIELD_INVALID", "code_challenge")


async def test_when_the_user_was_proven(service: Running, user_id: str) -> None:
    """Who was logged on already was proven then, not when the code was made (OpenID Connect Core section 2)."""
    app = await service.web_app(scopes=("openid",))
    now = service.clock.timestamp()
    for told, expected in ((now - 3600, now - 3600), (now + 3600, now)):
        issued = await service.redeem(app, await service.code(app, user_id, auth_time=Timestamp(seconds=told)))
        assert 0 <= content(issued.id_token)["auth_time"] - expected < 60
    await refused(service.code(app, user_id, auth_time=Timestamp(seconds=2**62)), "FIELD_INVALID", "auth_time")


async def test_a_superadmin_logs_on_as_itself(service: Running, app: App) -> None:
    """A logon is no impersonation: nobody acts, and the role is the user's own."""
    issued = await service.redeem(app, await service.code(app, service.made["user_id"]))
    assert issued.role == "superadmin"
    assert "act" not in content(issued.access_token)


async def test_fields_that_are_not_good(service: Running, app: App, user_id: str) -> None:
    await refused(service.code(app, user_id, scope="OAUTH.ALL"), "INVALID_SCOPE")
    await refused(service.code(app, user_id, device_id="x" * 129), "FIELD_INVALID", "device_id")
    await refused(service.code(app, user_id, device_name="a\0"), "FIELD_INVALID", "device_name")
    await refused(service.code(app, user_id, browser_id="x"), "FIELD_INVALID", "browser_id")
    await refused(service.code(app, user_id, proof=token_pb2.Proof()), "FIELD_MISSING", "proof.method")
