import asyncio
from typing import Any

import grpc
import pytest
from tessera.token.v1.user_service_pb2 import CreateUserRequest, UserServiceGetUserRequest

from services.runtime.auth import ROLES
from tests.support.callers import people_app, person, superadmin
from tests.support.calls import refusal_in, refused
from tests.support.token import DOMAIN, Running


async def test_what_is_given_is_kept_and_answered(service: Running) -> None:
    before = service.clock.timestamp() * 1000
    request = CreateUserRequest(
        user_id="whole",
        user_name="ann",
        nick_name="Ann",
        avatar="https://example.com/ann.png",
        role="admin",
        status="disabled",
        description="From the north",
        default_drive_id="1",
        user_data={"department": "sales", "note": "größer"},
    )
    operator = await service.operator()
    made = await service.users.CreateUser(request, metadata=operator)
    for field, value in request.ListFields():
        assert getattr(made, field.name) == value
    assert (made.domain_id, made.creator) == (DOMAIN, service.made["operator"]["client_id"])
    assert before <= made.created_at == made.updated_at <= service.clock.timestamp() * 1000 + 1000
    found = await service.users.GetUser(UserServiceGetUserRequest(user_id="whole"), metadata=operator)
    assert found == made


async def test_nothing_needs_to_be_given(service: Running) -> None:
    made = await service.users.CreateUser(CreateUserRequest(), metadata=await service.operator())
    assert (made.role, made.status, made.user_name, dict(made.user_data)) == ("user", "enabled", "", {})
    made_ids = {await service.user() for _ in range(3)}
    assert len(made_ids) == 3
    assert await service.user(user_id="DING-x.y_z@example") == "DING-x.y_z@example"


async def test_it_is_written_down_and_told(service: Running) -> None:
    user_id = await service.user(role="admin")
    (row,) = await service.audit(user_id=user_id)
    assert (row["event"], row["actor"]) == ("user.created", service.made["operator"]["client_id"])
    assert row["detail"] == "role=admin status=enabled"
    assert await service.user_events(user_id) == ["created"]


async def test_one_of_twenty_at_once_gets_the_id(service: Running) -> None:
    answers = await asyncio.gather(*(service.user(user_id="wanted") for _ in range(20)), return_exceptions=True)
    assert answers.count("wanted") == 1
    assert {refusal_in(answer).reason for answer in answers if isinstance(answer, grpc.aio.AioRpcError)} == {
        "ALREADY_EXISTS_USER"
    }
    assert await service.user_events("wanted") == ["created"]


async def test_the_id_of_a_client_is_taken(service: Running) -> None:
    app = await service.web_app()
    await refused(service.user(user_id=app.client_id), "ALREADY_EXISTS_USER")
    await refused(service.user(user_id=DOMAIN), "ALREADY_EXISTS_USER")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_id", "a b"),
        ("user_id", "x" * 65),
        ("user_id", "a\0"),
        ("user_id", "a#b"),
        ("user_name", "x" * 129),
        ("nick_name", "a\nb"),
        ("avatar", "x" * 1025),
        ("role", "root"),
        ("status", "gone"),
        ("description", "x" * 1025),
        ("default_drive_id", "x" * 65),
        ("user_data", {"a": "x" * 1017}),
        ("user_data", {"a": "\0"}),
        ("user_data", {"\0": "a"}),
    ],
)
async def test_fields_that_are_not_good(service: Running, field: str, value: Any) -> None:
    await refused(service.user(**{field: value}), "FIELD_INVALID", field)


async def test_user_data_up_to_its_bound(service: Running) -> None:
    # {"a":"…"} is 8 characters without the text, which may be of four bytes each.
    user_id = await service.user(user_data={"a": "😀" * 1016})
    found = await service.users.GetUser(UserServiceGetUserRequest(user_id=user_id), metadata=await service.operator())
    assert found.user_data["a"] == "😀" * 1016


async def test_an_app_gives_a_role_whose_permissions_it_holds(service: Running) -> None:
    for permissions, most in ((("token.user.write",), "user"), (("token.user.write", *ROLES["admin"]), "admin")):
        caller = await service.caller(*permissions)
        for role in ROLES:
            call = service.users.CreateUser(CreateUserRequest(role=role), metadata=caller)
            if list(ROLES).index(role) <= list(ROLES).index(most):
                await call
            else:
                await refused(call, "PERMISSION_DENIED")


async def test_who_may_only_read_makes_nobody(service: Running) -> None:
    for permission in ("token.user.read", "token.admin"):
        caller = await service.caller(permission)
        await refused(service.users.CreateUser(CreateUserRequest(), metadata=caller), "PERMISSION_DENIED")


async def test_a_superadmin_is_made_by_a_superadmin(service: Running) -> None:
    # The operator's identity holds each of a superadmin's permissions, and is none.
    await refused(service.user(role="superadmin"), "PERMISSION_DENIED")
    app = await people_app(service)
    admin = await person(service, app, await service.user(role="admin"))
    request = CreateUserRequest(role="superadmin")
    await refused(service.users.CreateUser(request, metadata=admin), "PERMISSION_DENIED")
    made = await service.users.CreateUser(request, metadata=await superadmin(service, app))
    assert (made.role, made.creator) == ("superadmin", service.made["user_id"])


async def test_a_user_gives_no_permission_that_its_token_has_not(service: Running) -> None:
    app = await service.web_app(scopes=["USER.ALL"])
    admin = await person(service, app, await service.user(role="admin"))
    request = CreateUserRequest(role="admin")
    await refused(service.users.CreateUser(request, metadata=admin), "PERMISSION_DENIED")
    await service.users.CreateUser(CreateUserRequest(), metadata=admin)
