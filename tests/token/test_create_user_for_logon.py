"""Users who are made when an identity is proven for the first time."""

import asyncio
import uuid
from typing import Any

import grpc
from tessera.token.v1 import token_pb2, user_service_pb2
from tessera.token.v1 import token_service_pb2 as pb2

from tests.support.calls import refusal_in, refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import TokenClient

PROOF = token_pb2.Proof(method="ding", identity="corp:union")


async def made(service: Running, **changed: Any) -> str:
    fields = {"domain_id": DOMAIN, "request_id": str(uuid.uuid4()), "proof": PROOF} | changed
    request = pb2.CreateUserForLogonRequest(**fields)
    return (await service.mint.CreateUserForLogon(request, metadata=await service.minter())).user_id


async def profile(service: TokenClient, user_id: str) -> user_service_pb2.User:
    request = user_service_pb2.UserServiceGetUserRequest(user_id=user_id)
    return await service.users.GetUser(request, metadata=await service.operator())


async def test_a_user_who_logs_on_at_once(service: Running) -> None:
    app = await service.web_app()
    user_id = await made(
        service, client_id=app.client_id, nick_name="Ann", avatar="https://p.example.com/a.png", user_name="ann"
    )
    user = await profile(service, user_id)
    assert (user.nick_name, user.avatar, user.user_name) == ("Ann", "https://p.example.com/a.png", "ann")
    assert (user.role, user.status, user.creator) == ("user", "enabled", service.made["account"]["client_id"])
    first = await service.redeem(app, await service.code(app, user_id))
    second = await service.redeem(app, await service.code(app, user_id))
    assert (first.is_first_login, second.is_first_login, first.nick_name) == (True, False, "Ann")


async def test_the_log_says_how_it_was_proven_and_the_feed_that_it_is_there(service: Running) -> None:
    app = await service.web_app()
    user_id = await made(service, client_id=app.client_id)
    (row,) = await service.audit(user_id=user_id)
    assert (row["event"], row["client_id"], row["proof_method"], row["proof_identity"], row["actor"]) == (
        *("user.created", app.client_id, "ding", "corp:union"),
        service.made["account"]["client_id"],
    )
    assert await service.user_events(user_id) == ["created"]


async def test_a_call_that_is_made_again_makes_nothing_more(service: Running) -> None:
    request_id = str(uuid.uuid4())
    ids = await asyncio.gather(*(made(service, request_id=request_id, nick_name="Bob") for _ in range(10)))
    assert len(set(ids)) == 1
    await refused(made(service, request_id=request_id, nick_name="Eve"), "FIELD_INVALID", "request_id")
    await service.delete_user(ids[0])
    await refused(made(service, request_id=request_id, nick_name="Bob"), "NOT_FOUND_USER")


async def test_a_user_of_another_domain(service: Running, tenant: TokenClient) -> None:
    request_id = str(uuid.uuid4())
    user_id = await made(service, domain_id="tenant", request_id=request_id, nick_name="Ann")
    assert (await profile(tenant, user_id)).nick_name == "Ann"
    # What tells a call, tells it in its domain.
    assert await made(service, request_id=request_id, nick_name="Ann") != user_id


async def test_no_more_than_the_domain_may_have(own: Running) -> None:
    async with own.database() as database:
        there = await database.fetchval("select count(*) from token.app_user where domain_id = $1", DOMAIN)
    await own.set_domain("max_users", there + 3)
    answers = await asyncio.gather(*(made(own) for _ in range(10)), return_exceptions=True)
    refusals = [refusal_in(each) for each in answers if isinstance(each, BaseException)]
    assert len(refusals) == 7
    assert {(each.code, each.reason) for each in refusals} == {(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")}


async def test_fields_that_are_not_good(service: Running) -> None:
    for field, value in (
        ("avatar", "http://p.example.com/a.png"),
        ("avatar", "javascript:alert(1)"),
        ("nick_name", "a\nb"),
        ("nick_name", "x" * 129),
        ("request_id", "1"),
        ("client_id", "a b"),
        ("domain_id", "a b"),
    ):
        await refused(made(service, **{field: value}), "FIELD_INVALID", field)
    await refused(made(service, request_id=""), "FIELD_MISSING", "request_id")
    await refused(made(service, proof=token_pb2.Proof()), "FIELD_MISSING", "proof.method")
    await refused(made(service, domain_id="nowhere"), "NOT_FOUND_DOMAIN")


async def test_account_alone_makes_them(service: Running) -> None:
    request = pb2.CreateUserForLogonRequest(domain_id=DOMAIN, request_id=str(uuid.uuid4()), proof=PROOF)
    await refused(service.mint.CreateUserForLogon(request, metadata=await service.operator()), "PERMISSION_DENIED")
