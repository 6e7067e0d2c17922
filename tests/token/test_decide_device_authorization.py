"""What a user is shown of a device, and what it decides: RFC 8628 sections 3.3 and 5.1."""

import asyncio
import uuid
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tessera.token.v1 import token_pb2
from tessera.token.v1 import token_service_pb2 as pb2

from tests.support.calls import refusal_in, refused
from tests.support.token import DOMAIN, ISSUER, Running
from tests.support.token_client import App, TokenClient, content

DECISIONS = pb2.DecideDeviceAuthorizationRequest


@pytest.fixture
async def app(service: Running) -> App:
    return await service.native_app(device_flow=True, scopes=("openid", "FILE.ALL", "VIEW.ALL"))


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


async def test_what_a_user_is_shown(service: Running, app: App) -> None:
    begun = await service.device(app, device_name="TV", scope="FILE.ALL")
    asked = await service.asked(f" {begun.user_code.replace('-', '').lower()} ")
    assert (asked.domain_id, asked.client_id, list(asked.scopes), asked.device_name) == (
        *(DOMAIN, app.client_id),
        *(["FILE.ALL"], "TV"),
    )
    assert abs(asked.create_time.seconds - service.clock.timestamp()) < 60
    assert asked.expire_time.seconds - asked.create_time.seconds in (600, 601)


async def test_which_domain_a_page_stands_for(service: Running, app: App) -> None:
    code, metadata = (await service.device(app)).user_code, await service.minter()

    def domain_of(**of: str) -> Awaitable[pb2.GetLogonDomainResponse]:
        return service.mint.GetLogonDomain(pb2.GetLogonDomainRequest(**of), metadata=metadata)

    for host in ("", "bj1.example.com", "BJ1.elsewhere.example:8443"):
        assert (await service.asked(code, domain_id="", host=host)).client_id == app.client_id
        found = await domain_of(host=host)
        assert (found.domain_id, found.issuer) == (DOMAIN, ISSUER)
    await refused(service.asked(code, domain_id="nowhere"), "NOT_FOUND_DOMAIN")
    await refused(domain_of(domain_id="nowhere"), "NOT_FOUND_DOMAIN")
    await refused(domain_of(domain_id="no domain"), "FIELD_INVALID")


async def test_wrong_codes_are_counted_and_then_none_is_found(own: Running) -> None:
    app = await own.native_app(device_flow=True)
    begun = await own.device(app)
    metadata = await own.minter()

    def ask(code: str) -> Awaitable[Any]:
        request = pb2.GetDeviceAuthorizationRequest(domain_id=DOMAIN, user_code=code)
        return own.mint.GetDeviceAuthorization(request, metadata=metadata)

    # A new minute, in which all of this happens however slow the machine is.
    own.clock.shift(timedelta(seconds=60 - own.clock.now().second))
    # What is of no form is no guess.
    assert await outcome(ask("AEIO-UAEI")) == "NOT_FOUND_DEVICE_AUTHORIZATION"
    assert await outcome(ask("BBBB-BBBB")) == "NOT_FOUND_DEVICE_AUTHORIZATION"
    async with own.database() as database:
        await database.execute("update token.device_guess set wrong = wrong + 539")
    reasons = await asyncio.gather(*(outcome(ask("BBBB-BBBB")) for _ in range(100)))
    assert reasons.count("NOT_FOUND_DEVICE_AUTHORIZATION") == 60
    assert reasons.count("GUESSES_EXCEEDED") == 40
    assert (await refused(ask(begun.user_code), "GUESSES_EXCEEDED")).code is grpc.StatusCode.RESOURCE_EXHAUSTED
    own.clock.shift(timedelta(minutes=1))
    assert await outcome(ask(begun.user_code)) == ""


async def test_who_is_right_uses_no_guess_up(own: Running) -> None:
    app = await own.native_app(device_flow=True)
    begun = await own.device(app)
    metadata = await own.minter()
    request = pb2.GetDeviceAuthorizationRequest(domain_id=DOMAIN, user_code=begun.user_code)
    for _ in range(70):
        await own.mint.GetDeviceAuthorization(request, metadata=metadata)


async def test_the_first_decision_counts(service: Running, app: App, user_id: str) -> None:
    begun, other = await service.device(app), await service.user()
    authorization_id = (await service.asked(begun.user_code)).authorization_id
    await service.decide(authorization_id, user_id)
    # Made again, as by who did not hear the answer.
    await service.decide(authorization_id, user_id)
    for who, approve in ((user_id, False), (other, True), (other, False)):
        decision = service.decide(authorization_id, who, approve=approve)
        assert (await refused(decision, "DEVICE_AUTHORIZATION_DECIDED")).code is grpc.StatusCode.FAILED_PRECONDITION
    await refused(service.asked(begun.user_code), "DEVICE_AUTHORIZATION_DECIDED")
    assert (await service.poll(app, begun.device_code)).user_id == user_id
    events = [(row["event"], row["detail"]) for row in await service.audit(user_id=other)]
    assert events[1:] == [("device_authorization.withheld", "other")] * 2


async def test_of_twenty_decisions_at_once_one_counts(service: Running, app: App) -> None:
    users = [await service.user() for _ in range(20)]
    begun = await service.device(app)
    authorization_id = (await service.asked(begun.user_code)).authorization_id
    reasons = await asyncio.gather(
        *(outcome(service.decide(authorization_id, who, approve=number % 2 == 0)) for number, who in enumerate(users))
    )
    assert sorted(reasons) == ["", *["DEVICE_AUTHORIZATION_DECIDED"] * 19]
    winner = reasons.index("")
    if winner % 2 == 0:
        assert (await service.poll(app, begun.device_code)).user_id == users[winner]
    else:
        await refused(service.poll(app, begun.device_code), "ACCESS_DENIED")


async def test_a_user_may_consent_to_less(service: Running, app: App, user_id: str) -> None:
    begun = await service.device(app, scope="FILE.ALL VIEW.ALL")
    authorization_id = (await service.asked(begun.user_code)).authorization_id
    # The app has it, and did not ask for it.
    await refused(service.decide(authorization_id, user_id, scope="openid"), "INVALID_SCOPE")
    await service.decide(authorization_id, user_id, scope="VIEW.ALL")
    assert (await service.poll(app, begun.device_code)).scope == "VIEW.ALL"


async def test_a_time_to_come_is_now(service: Running, app: App, user_id: str) -> None:
    begun = await service.device(app)
    later = Timestamp(seconds=service.clock.timestamp() + 3600)
    await service.decide((await service.asked(begun.user_code)).authorization_id, user_id, auth_time=later)
    answer = await service.poll(app, begun.device_code)
    assert content(answer.id_token)["auth_time"] <= service.clock.timestamp()


async def test_users_who_get_none(service: Running, app: App, user_id: str) -> None:
    authorization_id = (await service.asked((await service.device(app)).user_code)).authorization_id
    await refused(service.decide(authorization_id, "nobody"), "NOT_FOUND_USER")
    await service.set_status(user_id, "disabled")
    await refused(service.decide(authorization_id, user_id), "USER_DISABLED")
    row = (await service.audit(user_id=user_id))[-1]
    assert (row["event"], row["detail"]) == ("device_authorization.withheld", "disabled")
    # Nothing was decided.
    await service.set_status(user_id, "enabled")
    await service.decide(authorization_id, user_id)


async def test_what_is_not_there_or_no_longer(own: Running) -> None:
    app, user_id = await own.native_app(device_flow=True), await own.user()
    begun = await own.device(app)
    authorization_id = (await own.asked(begun.user_code)).authorization_id
    await refused(own.decide(str(uuid.uuid4()), user_id), "NOT_FOUND_DEVICE_AUTHORIZATION")
    own.clock.shift(timedelta(minutes=10, seconds=1))
    await refused(own.asked(begun.user_code), "NOT_FOUND_DEVICE_AUTHORIZATION")
    await refused(own.decide(authorization_id, user_id), "NOT_FOUND_DEVICE_AUTHORIZATION")


async def test_of_another_domain_nothing_is_there(service: Running, tenant: TokenClient, app: App) -> None:
    user_id, theirs = await service.user(), await tenant.user()
    authorization_id = (await service.asked((await service.device(app)).user_code)).authorization_id
    for who, domain_id, reason in (
        (user_id, "tenant", "NOT_FOUND_USER"),
        (theirs, DOMAIN, "NOT_FOUND_USER"),
        (theirs, "tenant", "NOT_FOUND_DEVICE_AUTHORIZATION"),
        (theirs, "nowhere", "NOT_FOUND_USER"),
    ):
        await refused(service.decide(authorization_id, who, domain_id=domain_id), reason)


async def test_fields_that_are_not_good(service: Running, app: App, user_id: str) -> None:
    authorization_id = (await service.asked((await service.device(app)).user_code)).authorization_id
    for field, value in (
        ("authorization_id", "x"),
        ("user_id", "a b"),
        ("domain_id", "a b"),
        ("decision", 7),
        ("auth_time", Timestamp(seconds=2**62)),
    ):
        fields = {"authorization_id": authorization_id, "user_id": user_id} | {field: value}
        await refused(service.decide(**fields), "FIELD_INVALID", field)
    await refused(service.decide(authorization_id, user_id, decision=0), "FIELD_MISSING", "decision")
    await refused(service.decide(authorization_id, user_id, proof=token_pb2.Proof()), "FIELD_MISSING", "proof.method")
    await refused(service.asked("x" * 65), "FIELD_INVALID", "user_code")
    await refused(service.asked(""), "FIELD_MISSING", "user_code")


async def test_account_alone_decides(service: Running, app: App, user_id: str) -> None:
    begun, operator = await service.device(app), await service.operator()
    request = pb2.GetDeviceAuthorizationRequest(user_code=begun.user_code)
    await refused(service.mint.GetDeviceAuthorization(request, metadata=operator), "PERMISSION_DENIED")
    decision = DECISIONS(
        domain_id=DOMAIN,
        authorization_id=(await service.asked(begun.user_code)).authorization_id,
        decision=DECISIONS.DECISION_APPROVE,
        user_id=user_id,
        proof=token_pb2.Proof(method="x"),
    )
    await refused(service.mint.DecideDeviceAuthorization(decision, metadata=operator), "PERMISSION_DENIED")
