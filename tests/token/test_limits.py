"""Limits of a domain: grants a second, users, apps; each exact, and none that a stranger could use up."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from tessera.token.v1 import token_service_pb2, user_service_pb2

from services.runtime import jws
from services.runtime.clock import Clock
from services.runtime.db import connected
from services.token.errors import LimitExceeded
from services.token.limits import EXCEEDED, GrantLimits
from services.token.model import Domain
from tests.support.calls import refusal_in, refused
from tests.support.token import CLIENT_ASSERTION, DOMAIN, ISSUER, Running
from tests.support.token_client import REDIRECT_URI, App

SECOND = timedelta(seconds=1)


def domain(grants: int | None, domain_id: str = DOMAIN) -> Domain:
    return Domain(domain_id, ISSUER, (), grants_per_second=grants)


class Stopped(Clock):
    """A clock that stands still unless it is shifted."""

    def __init__(self) -> None:
        super().__init__()
        self._still = super().now()

    def now(self) -> Any:
        return self._still

    def shift(self, by: timedelta) -> None:
        self._still += by


def granted(limits: GrantLimits, of: Domain, times: int) -> int:
    """How many of so many grants a domain gets."""
    got = 0
    for _ in range(times):
        try:
            limits.take(of)
        except LimitExceeded:
            continue
        got += 1
    return got


def test_a_domain_gets_its_grants_a_second_and_no_more() -> None:
    clock = Stopped()
    limits = GrantLimits(clock, workers=1)
    assert granted(limits, domain(10), 100) == 10
    clock.shift(SECOND / 2)
    assert granted(limits, domain(10), 100) == 5
    # What nobody used is not saved up for longer than a second.
    clock.shift(60 * SECOND)
    assert granted(limits, domain(10), 100) == 10
    assert granted(limits, domain(10, "other"), 100) == 10
    assert granted(limits, domain(None), 1000) == 1000


def test_workers_share_a_limit() -> None:
    clock = Stopped()
    workers = [GrantLimits(clock, workers=4) for _ in range(4)]
    assert [granted(each, domain(20), 100) for each in workers] == [5, 5, 5, 5]
    # A limit below the number of workers: each has a grant at once, and the rate holds over time.
    small = [GrantLimits(clock, workers=4) for _ in range(4)]
    assert [granted(each, domain(1), 100) for each in small] == [1, 1, 1, 1]
    total = 0
    for _ in range(20):
        clock.shift(SECOND)
        total += sum(granted(each, domain(1), 100) for each in small)
    assert total == 20


def test_a_changed_limit_counts_at_once() -> None:
    clock = Stopped()
    limits = GrantLimits(clock, workers=1)
    assert granted(limits, domain(100), 1) == 1
    assert granted(limits, domain(2), 100) == 2
    assert granted(limits, domain(None), 100) == 100


async def test_beyond_its_grants_a_domain_is_told_to_wait(own: Running) -> None:
    app, user_id = await own.web_app(), await own.user()
    code = await own.code(app, user_id)
    await own.set_domain("grants_per_second", 1)
    own.clock.shift(60 * SECOND)
    before = EXCEEDED.labels("grants_per_second")._value.get()
    answers = await asyncio.gather(*(own.by_secret(app) for _ in range(50)), return_exceptions=True)
    refusals = [refusal_in(answer) for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert 0 < len(refusals) < 50
    assert {(each.code, each.reason) for each in refusals} == {
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED"),
    }
    assert EXCEEDED.labels("grants_per_second")._value.get() == before + len(refusals)
    # Nothing that is good once was used up: each of these is refused until a second went by.
    while (await asyncio.gather(own.redeem(app, code), return_exceptions=True))[0].__class__ is grpc.aio.AioRpcError:
        own.clock.shift(SECOND)
    rows = await own.audit(client_id=app.client_id)
    assert not [row for row in rows if row["event"].endswith("refused")]


async def test_a_limit_uses_up_no_assertion_of_a_client(own: Running) -> None:
    identity = own.made["account"]
    app = App(identity["client_id"], key=identity["private_key_pem"])
    await own.set_domain("grants_per_second", 1)
    claims = own.claims(app.client_id, sub=app.client_id, aud=ISSUER)
    asked = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": app.sign(claims, "ES256")}
    own.clock.shift(10 * SECOND)
    answers = await asyncio.gather(*(own.minter() for _ in range(20)), return_exceptions=True)
    assert any(isinstance(answer, grpc.aio.AioRpcError) for answer in answers)
    own.clock.shift(2 * SECOND)
    await own.token("client_credentials", **asked)


async def test_strangers_who_go_away_use_no_grants_up(own: Running) -> None:
    app, key = await own.native_app(), await own.web_app()
    await own.set_domain("grants_per_second", 2)
    code = jws.encode(own.clock.now().isoformat().encode().ljust(48, b"x"))
    async with connected(own.settings.dsn) as connection, connection.transaction():
        # What looks at a code waits, and the callers do not.
        await connection.execute("lock table token.authorization_code")
        for _ in range(20):
            call = own.tokens.Token(
                token_service_pb2.TokenRequest(
                    grant_type="authorization_code", client_id=app.client_id, code=code, redirect_uri=REDIRECT_URI
                )
            )
            await asyncio.sleep(0.03)
            call.cancel()
        await asyncio.sleep(0.1)
        assert (await own.by_secret(key)).access_token


async def test_strangers_whose_refresh_tokens_are_waited_for_hold_no_grants(own: Running) -> None:
    app, web, user_id = await own.jwt_app(), await own.web_app(), await own.user()
    good = (await own.by_assertion(app, user_id)).refresh_token
    raw = jws.decode(good)
    # The id of its key, in front of the MAC: of one that may be another process's, of a moment ago.
    unknown = jws.encode(raw[:-33] + bytes((raw[-33] ^ 1,)) + raw[-32:])
    await own.set_domain("grants_per_second", 2)
    async with connected(own.settings.dsn) as connection:
        async with connection.transaction():
            await connection.execute("lock table token.signing_key")
            calls = [asyncio.create_task(refused(own.refresh(app, unknown))) for _ in range(20)]
            await asyncio.sleep(0.2)
            assert (await own.by_secret(web)).access_token
        assert {(await call).reason for call in calls} == {"INVALID_REFRESH_TOKEN"}


async def test_strangers_do_not_use_a_domains_grants_up(own: Running) -> None:
    app, web, user_id = await own.jwt_app(), await own.web_app(), await own.user()
    first = await own.by_assertion(app, user_id)
    await own.set_domain("grants_per_second", 2)
    own.clock.shift(10 * SECOND)

    def garbage() -> list[Awaitable[Any]]:
        return [
            own.refresh(app, "x"),
            own.token("refresh_token", client_id=app.client_id, refresh_token=first.refresh_token[:-1] + "!"),
            own.by_secret(App(web.client_id, "wrong")),
            own.token("urn:ietf:params:oauth:grant-type:jwt-bearer", client_id=app.client_id, assertion="a.b.c"),
            own.redeem(App(web.client_id), "A" * 64),
        ]

    for _ in range(20):
        for call in garbage():
            assert (await refused(call)).reason != "LIMIT_EXCEEDED"
    await own.refresh(app, first.refresh_token)


@pytest.mark.parametrize("automatic", [False, True])
async def test_fifty_users_at_once_for_ten_places(own: Running, *, automatic: bool) -> None:
    app = await own.jwt_app()
    operator = await own.operator()
    there = await users(own)
    await own.set_domain("max_users", there + 10)

    def made(number: int) -> Awaitable[Any]:
        if automatic:
            return own.by_assertion(app, f"new{number}", auto_create=True)
        return own.users.CreateUser(create_user(f"new{number}"), metadata=operator)

    answers = await asyncio.gather(*(made(number) for number in range(50)), return_exceptions=True)
    refusals = [refusal_in(answer) for answer in answers if isinstance(answer, BaseException)]
    assert len(refusals) == 40
    assert {(each.code, each.reason) for each in refusals} == {
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED"),
    }
    assert await users(own) == there + 10
    if automatic:
        rows = await own.audit(client_id=app.client_id)
        assert [row["detail"] for row in rows].count("max_users") == 40
        # Who is there already is not counted.
        present = next(number for number, answer in enumerate(answers) if not isinstance(answer, BaseException))
        await made(present)


async def test_a_place_that_became_free_is_given_again(own: Running) -> None:
    await own.set_domain("max_users", await users(own) + 1)
    user_id = await own.user()
    await refused(own.user(), "QUOTA_EXCEEDED")
    # One that is there already takes no place.
    await refused(own.user(user_id=user_id), "QUOTA_EXCEEDED")
    async with own.database() as database:
        await database.execute("delete from token.app_user where user_id = $1", user_id)
    own.clock.shift(2 * SECOND)
    await own.user(user_id=user_id)
    await refused(own.user(), "QUOTA_EXCEEDED")
    await own.set_domain("max_users", None)
    await own.user()


async def test_a_user_who_is_there_already_takes_no_place(own: Running) -> None:
    await own.set_domain("max_users", await users(own) + 2)
    user_id = await own.user()
    for _ in range(3):
        await refused(own.user(user_id=user_id), "ALREADY_EXISTS_USER")
    await own.user()


async def test_fifty_apps_at_once_for_ten_places(own: Running) -> None:
    async with own.database() as database:
        there = int(await database.fetchval("select count(*) from token.app"))
    await own.set_domain("max_apps", there + 10)
    answers = await asyncio.gather(*(own.web_app(admit=False) for _ in range(50)), return_exceptions=True)
    reasons = [refusal_in(answer).reason for answer in answers if isinstance(answer, BaseException)]
    assert reasons == ["QUOTA_EXCEEDED"] * 40
    async with own.database() as database:
        assert await database.fetchval("select count(*) from token.app") == there + 10


async def users(service: Running) -> int:
    async with service.database() as database:
        return int(await database.fetchval("select count(*) from token.app_user"))


def create_user(user_id: str) -> Any:
    return user_service_pb2.CreateUserRequest(user_id=user_id)
