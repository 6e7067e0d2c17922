"""OpenID Connect Core section 5.3."""

import pytest
from tessera.token.v1 import token_service_pb2

from tests.support.calls import refused
from tests.support.token import Running
from tests.support.token_client import App, content


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app(scopes=("openid", "FILE.ALL", "ACCOUNT.ALL"))


async def logged_on(service: Running, app: App, user_id: str, **changed: str) -> str:
    return (await service.redeem(app, await service.code(app, user_id, **changed))).access_token


async def test_who_a_user_is(service: Running, app: App) -> None:
    user_id = await service.user(user_name="ada", nick_name="Countess", avatar="https://example.com/a.png")
    found = await service.user_info(await logged_on(service, app, user_id, scope="openid"))
    assert 0 <= service.clock.timestamp() - found.updated_at <= 60
    found.ClearField("updated_at")
    assert found == token_service_pb2.GetUserInfoResponse(
        sub=user_id,
        name="Countess",
        nickname="Countess",
        preferred_username="ada",
        picture="https://example.com/a.png",
    )


async def test_what_is_not_known_is_absent(service: Running, app: App) -> None:
    user_id = await service.user(user_name="ada")
    found = await service.user_info(await logged_on(service, app, user_id))
    assert (found.sub, found.name, found.preferred_username) == (user_id, "ada", "ada")
    assert not found.HasField("nickname")
    assert not found.HasField("picture")


@pytest.mark.parametrize("role", ["user", "admin", "superadmin"])
async def test_whatever_the_role(service: Running, app: App, role: str) -> None:
    user_id = await service.user(role="user" if role == "superadmin" else role)
    if role == "superadmin":
        user_id = service.made["user_id"]
    assert (await service.user_info(await logged_on(service, app, user_id))).sub == user_id


async def test_it_takes_the_scope(service: Running, app: App) -> None:
    token = await logged_on(service, app, await service.user(), scope="FILE.ALL ACCOUNT.ALL")
    await refused(service.user_info(token), "PERMISSION_DENIED")


async def test_it_takes_a_user(service: Running, app: App) -> None:
    holder = await service.web_app(scopes=("openid",), permissions=["token.userinfo.own"])
    for client in (app, holder):
        await refused(service.user_info((await service.by_secret(client)).access_token), "PERMISSION_DENIED")


async def test_it_takes_a_token(service: Running, app: App) -> None:
    token = await logged_on(service, app, await service.user())
    for wrong in ("", "x", token[:-8] + "A" * 8):
        await refused(service.user_info(wrong), "UNAUTHENTICATED")


async def test_not_after_the_session_was_revoked(service: Running, app: App) -> None:
    token = await logged_on(service, app, await service.user())
    await service.user_info(token)
    await service.revoke(app, token)
    await refused(service.user_info(token), "UNAUTHENTICATED")


async def test_not_while_the_user_is_disabled(service: Running, app: App) -> None:
    token = await logged_on(service, app, await service.user())
    await service.set_status(content(token)["sub"], "disabled")
    await refused(service.user_info(token), "UNAUTHENTICATED")
