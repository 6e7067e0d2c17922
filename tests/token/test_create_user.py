import asyncio

import grpc
import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.calls import bearer, refusal_in, refused
from tests.support.token import Running


async def test_an_id_is_made_where_none_is_given(service: Running) -> None:
    made = {await service.user() for _ in range(3)}
    assert len(made) == 3
    assert await service.user(user_id="DING-x.y_z@example") == "DING-x.y_z@example"


async def test_one_of_twenty_at_once_gets_the_id(service: Running) -> None:
    answers = await asyncio.gather(*(service.user(user_id="wanted") for _ in range(20)), return_exceptions=True)
    assert answers.count("wanted") == 1
    assert {refusal_in(answer).reason for answer in answers if isinstance(answer, grpc.aio.AioRpcError)} == {
        "ALREADY_EXISTS_USER"
    }


async def test_the_id_of_a_client_is_taken(service: Running) -> None:
    app = await service.web_app()
    await refused(service.user(user_id=app.client_id), "ALREADY_EXISTS_USER")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "a b"),
        ("user_id", "x" * 65),
        ("user_id", "a\0"),
        ("user_name", "x" * 129),
        ("nick_name", "a\nb"),
        ("avatar", "x" * 1025),
        ("role", "root"),
        ("default_drive_id", "x" * 65),
    ],
)
async def test_fields_that_are_not_good(service: Running, field: str, value: str) -> None:
    await refused(service.user(**{field: value}), "FIELD_INVALID", field)


async def test_a_role_holds_no_more_than_the_caller(service: Running) -> None:
    caller = await service.caller("token.admin")
    await refused(
        service.admin.CreateUser(admin_pb2.CreateUserRequest(role="admin"), metadata=caller), "PERMISSION_DENIED"
    )
    await service.admin.CreateUser(admin_pb2.CreateUserRequest(role="user"), metadata=caller)


async def test_a_superadmin_is_made_by_a_superadmin(service: Running) -> None:
    await refused(service.user(role="superadmin"), "PERMISSION_DENIED")
    app = await service.web_app(scopes=["OAUTH.ALL", "ACCOUNT.ALL", "USER.ALL"])
    superadmin = await service.redeem(app, await service.code(app, service.made["user_id"]))
    caller = bearer(superadmin.access_token)
    await service.admin.CreateUser(admin_pb2.CreateUserRequest(role="superadmin"), metadata=caller)
