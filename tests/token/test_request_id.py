"""A call that makes something, made again: whichever it is, one thing is made, and each caller is told the same."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from tessera.token.v1 import domain_service_pb2 as domain_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import user_service_pb2

from tests.support.calls import Metadata, refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import TokenClient

Maker = Callable[[TokenClient, Metadata, str], Awaitable[Any]]


async def create_app(service: TokenClient, caller: Metadata, request_id: str, name: str = "a") -> Any:
    request = admin_pb2.CreateAppRequest(name=name, type=admin_pb2.APP_TYPE_WEB_SERVER, request_id=request_id)
    return await service.admin.CreateApp(request, metadata=caller)


async def create_access_key(service: TokenClient, caller: Metadata, request_id: str) -> Any:
    request = admin_pb2.CreateAccessKeyRequest(permissions=["account.link"], request_id=request_id)
    return await service.admin.CreateAccessKey(request, metadata=caller)


async def create_push_app(service: TokenClient, caller: Metadata, request_id: str) -> Any:
    return await service.admin.CreatePushApp(
        admin_pb2.CreatePushAppRequest(name="a", request_id=request_id), metadata=caller
    )


async def create_domain(service: TokenClient, caller: Metadata, request_id: str) -> Any:
    request = domain_pb2.CreateDomainRequest(domain_id=f"d{request_id[-12:]}", request_id=request_id)
    return await service.domains.CreateDomain(request, metadata=caller)


async def create_user(service: TokenClient, caller: Metadata, request_id: str, name: str = "a") -> Any:
    request = user_service_pb2.CreateUserRequest(nick_name=name, request_id=request_id)
    return await service.users.CreateUser(request, metadata=caller)


async def rows(service: Running, request_id: str) -> int:
    async with service.database() as database:
        return await database.fetchval(
            "select count(*) from token.request where request_id = $1", uuid.UUID(request_id)
        )


@pytest.mark.parametrize("create", [create_app, create_access_key, create_push_app, create_domain, create_user])
async def test_race_of_twenty_makes_one(service: Running, create: Maker) -> None:
    caller, request_id = await service.operator(), str(uuid.uuid4())
    answers = await asyncio.gather(*(create(service, caller, request_id) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert await rows(service, request_id) == 1
    assert await create(service, caller, request_id) == answers[0]


async def test_the_app_is_one_and_its_secret_works(service: Running) -> None:
    caller, request_id = await service.operator(), str(uuid.uuid4())
    made = await create_app(service, caller, request_id)
    assert made == await create_app(service, caller, request_id)
    assert made.client_secret
    assert len(await service.audit(client_id=made.client_id)) == 1
    assert (await create_app(service, caller, str(uuid.uuid4()))).client_id != made.client_id
    assert (await create_app(service, caller, "")).client_id != (await create_app(service, caller, "")).client_id


async def test_a_second_secret_is_made_once(service: Running) -> None:
    app, caller = await service.web_app(), await service.operator()
    request = admin_pb2.CreateAppSecretRequest(client_id=app.client_id, request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(service.admin.CreateAppSecret(request, metadata=caller) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    access_id = (await service.push_app()).access_id
    rotate = admin_pb2.RotatePushAppSecretRequest(access_id=access_id, request_id=str(uuid.uuid4()))
    rotated = await asyncio.gather(*(service.admin.RotatePushAppSecret(rotate, metadata=caller) for _ in range(5)))
    assert all(answer == rotated[0] for answer in rotated)


async def test_a_user_is_made_once_and_answered_as_it_is(service: Running) -> None:
    caller, request_id = await service.operator(), str(uuid.uuid4())
    made = await create_user(service, caller, request_id)
    await service.update_user(made.user_id, nick_name="b")
    again = await create_user(service, caller, request_id)
    assert (again.user_id, again.nick_name) == (made.user_id, "b")
    assert await service.user_events(made.user_id) == ["created", "updated"]
    await refused(create_user(service, caller, request_id, name="b"), "FIELD_INVALID", "request_id")
    await service.delete_user(made.user_id)
    await refused(create_user(service, caller, request_id), "NOT_FOUND_USER")
    assert (await create_user(service, caller, "")).user_id != (await create_user(service, caller, "")).user_id


async def test_an_id_of_another_call(service: Running) -> None:
    caller, request_id = await service.operator(), str(uuid.uuid4())
    made = await create_app(service, caller, request_id)
    for call in (
        create_app(service, caller, request_id, name="b"),
        create_access_key(service, caller, request_id),
        create_push_app(service, caller, request_id),
        create_domain(service, caller, request_id),
        create_user(service, caller, request_id),
    ):
        await refused(call, "FIELD_INVALID", "request_id")
    assert await create_app(service, caller, request_id) == made


async def test_nobody_is_told_another_callers_secret(service: Running, tenant: TokenClient) -> None:
    request_id = str(uuid.uuid4())
    made = await create_app(service, await service.operator(), request_id)
    await refused(create_app(service, await service.caller("token.admin"), request_id), "FIELD_INVALID", "request_id")
    # A tenant's ids are its own.
    theirs = await create_app(tenant, await tenant.operator(), request_id)
    assert theirs.client_id != made.client_id


async def test_a_call_that_was_refused_may_be_made_again(service: Running) -> None:
    request_id = str(uuid.uuid4())
    request = admin_pb2.CreateAppRequest(
        name="a", type=admin_pb2.APP_TYPE_SERVICE, push_access_ids=[1], request_id=request_id
    )
    operator = await service.operator()
    await refused(service.admin.CreateApp(request, metadata=operator), "FIELD_INVALID", "push_access_ids")
    assert await rows(service, request_id) == 0
    await create_app(service, operator, request_id)


async def test_what_is_kept_shows_no_secret_and_goes_after_a_day(own: Running) -> None:
    request_id = str(uuid.uuid4())
    made = await create_app(own, await own.operator(), request_id)
    async with own.database() as database:
        answer = await database.fetchval("select answer from token.request where domain_id = $1", DOMAIN)
    assert made.client_secret.encode() not in answer
    await own.shift(timedelta(hours=23))
    assert await create_app(own, await own.operator(), request_id) == made
    await own.shift(timedelta(hours=2))
    assert (await create_app(own, await own.operator(), request_id)).client_id != made.client_id


@pytest.mark.parametrize("request_id", ["x", "1", "{" + str(uuid.UUID(int=1)) + "}", uuid.UUID(int=1).hex, "a\0b"])
async def test_ids_that_are_none(service: Running, request_id: str) -> None:
    await refused(create_app(service, await service.operator(), request_id), "FIELD_INVALID", "request_id")
