"""The grant of a device without a browser: RFC 8628 sections 3.4 and 3.5."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from tessera.token.v1 import token_pb2, user_data_service_pb2, user_data_service_pb2_grpc

from services.runtime import jws
from tests.support.admin import update_app
from tests.support.calls import refusal_in, refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import App, content

SECOND = timedelta(seconds=1)


@pytest.fixture
async def app(service: Running) -> App:
    return await service.native_app(device_flow=True, scopes=("openid", "FILE.ALL"))


@pytest.fixture
async def user_id(service: Running) -> str:
    return await service.user()


async def outcome(call: Awaitable[Any]) -> str:
    """Why a call is refused; empty where it is answered."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return refusal_in(error).reason
    return ""


async def end_sessions(service: Running, user_id: str) -> None:
    """End all that a user could go on with, as account does for a user who is merged into another."""
    request = user_data_service_pb2.EndUserSessionsRequest(domain_id=DOMAIN, user_id=user_id, actor="admin1")
    stub = user_data_service_pb2_grpc.UserDataServiceStub(service.channel)
    await stub.EndUserSessions(request, metadata=await service.minter())


async def test_a_device_gets_its_tokens(service: Running, app: App, user_id: str) -> None:
    begun = await service.device(app, device_name="TV", device_id="tv-1", scope="FILE.ALL")
    waiting = await refused(service.poll(app, begun.device_code), "AUTHORIZATION_PENDING")
    assert waiting.code is grpc.StatusCode.INVALID_ARGUMENT
    await service.decide((await service.asked(begun.user_code)).authorization_id, user_id)
    answer = await service.poll(app, begun.device_code)
    claims = content(answer.access_token)
    assert (claims["sub"], claims["client_id"], claims["scope"]) == (user_id, app.client_id, "FILE.ALL")
    assert "act" not in claims
    assert '"device_id":"tv-1"' in claims["customJson"]
    assert (answer.device_id, answer.device_name, answer.is_first_login) == ("tv-1", "TV", True)
    assert not answer.HasField("id_token")
    assert (await service.refresh(app, answer.refresh_token)).device_name == "TV"


async def test_a_device_gets_them_once(service: Running, app: App, user_id: str) -> None:
    code = await service.approved(app, user_id)
    answer = await service.poll(app, code)
    await refused(service.poll(app, code), "INVALID_GRANT")
    # Whoever asks again did not hear the answer: what was given lives on.
    await service.refresh(app, answer.refresh_token)
    events = [(row["event"], row["detail"]) for row in await service.audit(user_id=user_id)]
    assert events[1:4] == [
        ("device_authorization.approved", None),
        ("device_code.issued", None),
        ("device_code.refused", "replay"),
    ]


async def test_the_log_says_how_the_user_was_proven(service: Running, app: App, user_id: str) -> None:
    await service.poll(app, await service.approved(app, user_id))
    approved, issued = (await service.audit(user_id=user_id))[1:]
    assert (approved["proof_method"], approved["proof_identity"], approved["client_id"]) == (
        *("mobile", "13900001234"),
        app.client_id,
    )
    assert (issued["proof_method"], issued["session_id"] is not None) == ("device_code", True)


async def test_an_id_token_says_when_the_user_was_proven(service: Running, app: App, user_id: str) -> None:
    begun = await service.device(app)
    asked = await service.asked(begun.user_code)
    await service.decide(asked.authorization_id, user_id, auth_time=asked.create_time)
    answer = await service.poll(app, begun.device_code)
    claims = content(answer.id_token)
    assert (claims["aud"], claims["auth_time"]) == (app.client_id, asked.create_time.seconds)
    assert "nonce" not in claims


async def test_who_asks_too_soon_waits_longer_each_time(own: Running) -> None:
    """Section 3.5: `slow_down` adds 5 seconds, for this request and all that follow; kept for every replica."""
    app = await own.native_app(device_flow=True)
    code = (await own.device(app)).device_code

    async def after(seconds: float) -> str:
        own.clock.shift(seconds * SECOND)
        return await outcome(own.poll(app, code))

    # The first one may come at once. Half a second is forgiven, and what the calls take goes by, too.
    assert await outcome(own.poll(app, code)) == "AUTHORIZATION_PENDING"
    assert await after(5) == "AUTHORIZATION_PENDING"
    assert await after(0) == "SLOW_DOWN"
    # 10 seconds from now on, counted from the last time, also where that was too soon.
    assert await after(5) == "SLOW_DOWN"
    assert await after(10) == "SLOW_DOWN"
    assert await after(20) == "AUTHORIZATION_PENDING"
    async with own.database() as database:
        assert await database.fetchval("select poll_seconds from token.device_authorization") == 20


async def test_once_it_is_approved_nobody_waits(service: Running, app: App, user_id: str) -> None:
    begun = await service.device(app)
    for reason in ("AUTHORIZATION_PENDING", "SLOW_DOWN"):
        await refused(service.poll(app, begun.device_code), reason)
    await service.decide((await service.asked(begun.user_code)).authorization_id, user_id)
    await service.poll(app, begun.device_code)


async def test_a_device_that_is_denied(service: Running, app: App, user_id: str) -> None:
    begun = await service.device(app)
    await service.decide((await service.asked(begun.user_code)).authorization_id, user_id, approve=False)
    for _ in range(2):
        assert (await refused(service.poll(app, begun.device_code), "ACCESS_DENIED")).code is (
            grpc.StatusCode.INVALID_ARGUMENT
        )
    events = [row["event"] for row in await service.audit(user_id=user_id)]
    assert events == ["user.created", "device_authorization.denied"]


async def test_a_code_lives_ten_minutes(own: Running) -> None:
    app, user_id = await own.native_app(device_flow=True), await own.user()
    code = (await own.device(app)).device_code
    approved = await own.approved(app, user_id)
    own.clock.shift(timedelta(minutes=9, seconds=50))
    await refused(own.poll(app, code), "AUTHORIZATION_PENDING")
    own.clock.shift(20 * SECOND)
    await refused(own.poll(app, code), "EXPIRED_TOKEN")
    await refused(own.poll(app, approved), "EXPIRED_TOKEN")


async def test_another_clients_code_is_none(service: Running, app: App, user_id: str) -> None:
    other = await service.native_app(device_flow=True)
    code = await service.approved(app, user_id)
    await refused(service.poll(other, code), "INVALID_GRANT")
    await service.poll(app, code)


async def test_what_is_no_code(service: Running, app: App) -> None:
    web = await service.web_app(device_flow=True)
    for bad in ("x", "0045157fa8e24f4f9a0d9e3ff158c1e0", "é", jws.encode(bytes(48)), jws.encode(bytes(49))):
        for each in (app, web):
            await refused(service.poll(each, bad), "INVALID_GRANT")
    await refused(service.poll(app, ""), "FIELD_MISSING", "device_code")
    await refused(service.poll(app, "x" * 5000), "FIELD_INVALID", "device_code")
    # The id of one with another secret.
    begun = await service.device(app)
    forged = jws.encode(jws.decode(begun.device_code)[:16] + bytes(32))
    await refused(service.poll(app, forged), "INVALID_GRANT")
    rows = [(row["event"], row["detail"]) for row in await service.audit(client_id=web.client_id)]
    assert rows.count(("device_code.refused", "unknown")) == 5
    assert "device_code.refused" not in [row["event"] for row in await service.audit(client_id=app.client_id)]


async def test_an_authorization_code_is_no_device_code(service: Running, user_id: str) -> None:
    web = await service.web_app(device_flow=True)
    await refused(service.poll(web, await service.code(web, user_id)), "INVALID_GRANT")
    await refused(service.redeem(web, (await service.device(web)).device_code), "INVALID_GRANT")


async def test_a_user_who_was_disabled_meanwhile(service: Running, app: App, user_id: str) -> None:
    code = await service.approved(app, user_id)
    await service.set_status(user_id, "disabled")
    await refused(service.poll(app, code), "INVALID_GRANT")
    await service.set_status(user_id, "enabled")
    await refused(service.poll(app, code), "INVALID_GRANT")


async def test_a_superadmin_may_log_on(service: Running, app: App) -> None:
    owner = service.made["user_id"]
    assert (await service.poll(app, await service.approved(app, owner))).role == "superadmin"


async def test_a_scope_that_the_app_lost_meanwhile(service: Running, app: App, user_id: str) -> None:
    code = await service.approved(app, user_id)
    await update_app(service, app, "scopes", scopes=["FILE.ALL"])
    assert (await service.poll(app, code)).scope == "FILE.ALL"


async def test_of_a_hundred_polls_at_once_one_gets_tokens(service: Running, app: App, user_id: str) -> None:
    code = await service.approved(app, user_id)
    answers = await asyncio.gather(*(service.poll(app, code) for _ in range(100)), return_exceptions=True)
    (won,) = [answer for answer in answers if isinstance(answer, token_pb2.Token)]
    assert {refusal_in(each).reason for each in answers if isinstance(each, BaseException)} == {"INVALID_GRANT"}
    await service.refresh(app, won.refresh_token)
    events = [row["event"] for row in await service.audit(user_id=user_id)]
    assert (events.count("device_code.issued"), events.count("device_code.refused")) == (1, 99)


async def test_polls_at_once_before_anybody_decides(service: Running, app: App) -> None:
    """Each of those behind the first one is too soon, and is counted."""
    code = (await service.device(app)).device_code
    reasons = await asyncio.gather(*(outcome(service.poll(app, code)) for _ in range(10)))
    assert sorted(reasons) == ["AUTHORIZATION_PENDING", *["SLOW_DOWN"] * 9]


async def test_decided_while_the_device_asks(service: Running, app: App) -> None:
    """The device gets its tokens in the end, and once, whatever comes first."""
    for approve in (True, False) * 5:
        user_id, begun = await service.user(), await service.device(app)
        authorization_id = (await service.asked(begun.user_code)).authorization_id
        *early, _ = await asyncio.gather(
            *(outcome(service.poll(app, begun.device_code)) for _ in range(5)),
            service.decide(authorization_id, user_id, approve=approve),
        )
        late = await outcome(service.poll(app, begun.device_code))
        if approve:
            assert [*early, late].count("") == 1
            assert set(early) <= {"", "AUTHORIZATION_PENDING", "SLOW_DOWN", "INVALID_GRANT"}
        else:
            assert late == "ACCESS_DENIED"
            assert set(early) <= {"ACCESS_DENIED", "AUTHORIZATION_PENDING", "SLOW_DOWN"}


async def test_what_a_user_approved_ends_with_its_sessions(service: Running, app: App, user_id: str) -> None:
    code = await service.approved(app, user_id)
    await end_sessions(service, user_id)
    await refused(service.poll(app, code), "INVALID_GRANT")


async def test_nothing_is_left_of_a_user_who_is_deleted(service: Running, app: App, user_id: str) -> None:
    code = await service.approved(app, user_id)
    await service.delete_user(user_id)
    await refused(service.poll(app, code), "INVALID_GRANT")
    async with service.database() as database:
        left = await database.fetchval("select count(*) from token.device_authorization where user_id = $1", user_id)
    assert left == 0


async def test_sessions_end_and_devices_ask_at_once(service: Running, app: App, user_id: str) -> None:
    """Neither waits for the other for ever, and no session is left."""
    for _ in range(5):
        codes = [await service.approved(app, user_id) for _ in range(3)]
        polls = [asyncio.ensure_future(service.poll(app, code)) for code in codes]
        async with asyncio.timeout(30):
            await end_sessions(service, user_id)
            answers = await asyncio.gather(*polls, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, token_pb2.Token):
                await refused(service.refresh(app, answer.refresh_token), "INVALID_REFRESH_TOKEN")
