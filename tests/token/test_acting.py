"""Who acts for somebody else acts as long as he may, and is named for what he does (docs/adr/0011)."""

import asyncio
from collections.abc import Awaitable

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from tessera.token.v1 import session_service_pb2, token_pb2, user_service_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from services.runtime.auth import ROLES
from tests.support.admin import update_app
from tests.support.callers import people_app, person
from tests.support.calls import Metadata, bearer, refused
from tests.support.token import Running
from tests.support.token_client import App

ADMINS = tuple(sorted(permission for permission in ROLES["admin"] if not permission.endswith(".own")))
SCOPES = ("ACCOUNT.ALL", "USER.ALL")


@pytest.fixture
async def app(service: Running) -> App:
    return await people_app(service)


async def calls(service: Running, app: App) -> Metadata:
    return bearer((await service.by_secret(app)).access_token)


async def acting(service: Running, app: App, admin: str, user_id: str) -> token_pb2.Token:
    """Tokens of a user, got by an administrator."""
    return await service.access_token(await person(service, app, admin), user_id)


async def over(service: Running, app: App, got: token_pb2.Token) -> None:
    await refused(service.refresh(app, got.refresh_token), "INVALID_REFRESH_TOKEN")


async def test_not_after_he_was_disabled(service: Running, app: App) -> None:
    admin, user_id = await service.user(role="admin"), await service.user(role="admin")
    got = await acting(service, app, admin, user_id)
    await service.set_status(admin, "disabled")
    await over(service, app, got)


async def test_not_after_he_was_deleted(service: Running, app: App) -> None:
    admin, user_id = await service.user(role="admin"), await service.user(role="admin")
    got = await acting(service, app, admin, user_id)
    await service.delete_user(admin)
    await over(service, app, got)


async def test_not_after_he_is_no_administrator(service: Running, app: App) -> None:
    """He would make himself one again."""
    admin, user_id = await service.user(role="admin"), await service.user(role="admin")
    got = await acting(service, app, admin, user_id)
    await service.update_user(admin, role="user")
    await over(service, app, got)


async def test_not_after_his_sessions_were_ended(service: Running, app: App) -> None:
    admin, user_id = await service.user(role="admin"), await service.user()
    got = await acting(service, app, admin, user_id)
    ended = session_service_pb2.RevokeUserSessionsRequest(user_id=admin)
    await service.sessions.RevokeUserSessions(ended, metadata=await service.operator())
    await over(service, app, got)


async def test_not_another_of_his_id(service: Running, app: App) -> None:
    admin, user_id = await service.user(role="admin"), await service.user()
    got = await acting(service, app, admin, user_id)
    await service.delete_user(admin)
    await service.user(user_id=admin, role="admin")
    await over(service, app, got)


async def test_of_an_app_that_may_no_longer(service: Running) -> None:
    app = await service.web_app(permissions=ADMINS, scopes=SCOPES)
    got = await service.access_token(await calls(service, app), await service.user(role="admin"))
    less = [permission for permission in ADMINS if permission != "token.impersonate"]
    await update_app(service, app, "permissions", permissions=less)
    await over(service, app, got)


async def test_the_role_is_at_most_what_the_app_holds_now(service: Running) -> None:
    app = await service.web_app(permissions=ADMINS, scopes=SCOPES)
    got = await service.access_token(await calls(service, app), await service.user(role="admin"))
    assert got.role == "admin"
    await update_app(service, app, "permissions", permissions=["token.impersonate"])
    again = await service.refresh(app, got.refresh_token)
    assert again.role == "user"


async def test_an_app_that_signs_for_the_domain(service: Running) -> None:
    app = await service.jwt_app(permissions=["token.impersonate"])
    own = await service.by_assertion(app, "bj1", sub_type="service")
    got = await service.access_token(bearer(own.access_token), await service.user())
    assert (await service.refresh(app, got.refresh_token)).user_id == got.user_id
    await update_app(service, app, "permissions", permissions=[])
    await over(service, app, got)


async def test_for_a_superadmin_only_while_the_domain_allows_it(own: Running) -> None:
    app = await own.web_app(permissions=ADMINS, scopes=SCOPES)
    await own.set_domain("impersonate_superadmins", True)
    got = await own.access_token(await calls(own, app), own.made["user_id"])
    again = await own.refresh(app, got.refresh_token)
    await own.set_domain("impersonate_superadmins", False)
    await over(own, app, again)


async def test_others_go_on(service: Running, app: App) -> None:
    admin, user_id = await service.user(role="admin"), await service.user()
    got = await acting(service, app, admin, user_id)
    own = await service.redeem(app, await service.code(app, user_id))
    await service.update_user(admin, nick_name="other")
    again = await service.refresh(app, got.refresh_token)
    await service.set_status(admin, "disabled")
    await over(service, app, again)
    assert (await service.refresh(app, own.refresh_token)).user_id == user_id


async def test_his_access_tokens_end_with_him(service: Running, app: App) -> None:
    admin, user_id = await service.user(role="admin"), await service.user(role="admin")
    got = await acting(service, app, admin, user_id)
    caller = bearer(got.access_token)
    get = user_service_pb2.UserServiceGetUserRequest(user_id=user_id)
    assert (await service.users.GetUser(get, metadata=caller)).user_id == user_id
    await service.set_status(admin, "disabled")
    assert not (await service.introspect(app, got.access_token)).active
    async with asyncio.timeout(10):
        while await answered(service.users.GetUser(get, metadata=caller)):
            await asyncio.sleep(0.05)


async def answered(call: Awaitable[object]) -> bool:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED, error  # noqa: PT017 no other may pass
        return False
    return True


async def test_what_he_does_is_his(service: Running, app: App) -> None:
    admin, other, user_id = [await service.user(role=role) for role in ("admin", "admin", "user")]
    caller = bearer((await acting(service, app, admin, other)).access_token)
    change = user_service_pb2.UpdateUserRequest(user_id=user_id, nick_name="x")
    await service.users.UpdateUser(change, metadata=caller)
    (row,) = [row for row in await service.audit(user_id=user_id) if row["event"] == "user.updated"]
    assert row["actor"] == admin


async def test_nobody_raises_himself_through_somebody_else(service: Running, app: App) -> None:
    """By a token from before he was made less, within the second in which that is not known everywhere."""
    admin, other = await service.user(role="admin"), await service.user(role="admin")
    caller = bearer((await acting(service, app, admin, other)).access_token)
    async with service.database() as database:
        await database.execute("update token.app_user set role = 'user' where user_id = $1", admin)
    change = user_service_pb2.UpdateUserRequest(user_id=admin, role="admin")
    await refused(service.users.UpdateUser(change, metadata=caller), "PERMISSION_DENIED")


async def test_no_app_raises_itself_in_the_name_of_its_domain(service: Running) -> None:
    """ADR 0031: its token may be older than what was taken from it."""
    app = await service.jwt_app(permissions=["token.admin", "token.audit"], scopes=())
    caller = bearer((await service.by_assertion(app, "bj1", sub_type="service")).access_token)
    async with service.database() as database:
        await database.execute("update token.app set permissions = '{token.admin}' where client_id = $1", app.client_id)
    raised = admin_pb2.UpdateAppRequest(
        app=admin_pb2.App(client_id=app.client_id, permissions=["token.admin", "token.audit"]),
        update_mask=FieldMask(paths=["permissions"]),
    )
    await refused(service.admin.UpdateApp(raised, metadata=caller), "PERMISSION_DENIED")
