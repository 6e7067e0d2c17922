"""UserDataService: token's part of what account does with all that there is of a user, of any domain."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from tessera.token.v1 import session_service_pb2, token_pb2, user_service_pb2
from tessera.token.v1 import user_data_service_pb2 as pb2
from tessera.token.v1 import user_data_service_pb2_grpc as pb2_grpc

from services.runtime.auth import ROLES
from tests.support.calls import refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import App, TokenClient

ERASED = pb2.EraseUserResponse.OUTCOME_ERASED
ABSENT = pb2.EraseUserResponse.OUTCOME_ABSENT
OUT_OF_REACH = pb2.EraseUserResponse.OUTCOME_OUT_OF_REACH
LAST_SUPERADMIN = pb2.EraseUserResponse.OUTCOME_LAST_SUPERADMIN


def stub(service: Running) -> pb2_grpc.UserDataServiceStub:
    return pb2_grpc.UserDataServiceStub(service.channel)


async def end(service: Running, user_id: str, domain_id: str = DOMAIN) -> None:
    request = pb2.EndUserSessionsRequest(domain_id=domain_id, user_id=user_id, actor="admin1")
    await stub(service).EndUserSessions(request, metadata=await service.minter())


async def listed(service: Running, user_id: str, domain_id: str = DOMAIN) -> list[session_service_pb2.Session]:
    request = pb2.ListUserSessionsRequest(domain_id=domain_id, user_id=user_id)
    return list((await stub(service).ListUserSessions(request, metadata=await service.minter())).sessions)


async def sign_out(service: Running, user_id: str, domain_id: str = DOMAIN, **which: list[str]) -> None:
    request = pb2.SignUserOutRequest(domain_id=domain_id, user_id=user_id, actor=user_id, **which)
    await stub(service).SignUserOut(request, metadata=await service.minter())


async def erase(service: Running, user_id: str, **changed: Any) -> pb2.EraseUserResponse:
    fields: dict[str, Any] = {
        "domain_id": DOMAIN,
        "user_id": user_id,
        "roles": ["user", "admin"],
        "order_time": ordered(datetime.now(UTC)),
        "actor": "admin1",
    }
    return await stub(service).EraseUser(pb2.EraseUserRequest(**fields | changed), metadata=await service.minter())


def ordered(moment: datetime) -> Timestamp:
    time = Timestamp()
    time.FromDatetime(moment)
    return time


async def is_there(service: TokenClient, user_id: str) -> bool:
    request = user_service_pb2.UserServiceGetUserRequest(user_id=user_id)
    try:
        await service.users.GetUser(request, metadata=await service.operator())
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.NOT_FOUND, error  # noqa: PT017 no other may pass
        return False
    return True


async def test_what_a_user_is_signed_in_with(service: Running) -> None:
    app, user_id = await service.web_app(), await service.user()
    for name in ("Phone", "Laptop"):
        await service.redeem(app, await service.code(app, user_id, device_name=name))
    newest, oldest = await listed(service, user_id)
    assert (newest.device_name, oldest.device_name) == ("Laptop", "Phone")
    assert (newest.client_id, newest.app_name) == (app.client_id, "app")
    assert await listed(service, user_id, "another") == await listed(service, "nobody") == []


async def test_a_user_signs_one_session_out(service: Running) -> None:
    app, user_id, other = await service.web_app(), await service.user(), await service.user()
    begun, kept = [await service.redeem(app, await service.code(app, user_id)) for _ in range(2)]
    _, session = await listed(service, user_id)
    named = {"session_ids": [session.session_id]}
    await sign_out(service, other, **named)
    await sign_out(service, user_id, "another", **named)
    assert len(await listed(service, user_id)) == 2
    # Twice at once, as when a button is pressed twice.
    await asyncio.gather(sign_out(service, user_id, **named), sign_out(service, user_id, **named))
    await refused(service.refresh(app, begun.refresh_token), "INVALID_REFRESH_TOKEN")
    assert not (await service.introspect(app, begun.access_token)).active
    assert (await service.introspect(app, kept.access_token)).active
    assert len(await service.revocations(session.session_id)) == 1
    told = [
        (row["client_id"], str(row["session_id"]), row["actor"], row["detail"])
        for row in await service.audit(user_id=user_id)
        if row["event"] == "session.revoked"
    ]
    assert told == [(app.client_id, session.session_id, user_id, "signed out")]


async def test_what_was_begun_in_a_browser_ends_with_it(service: Running) -> None:
    app, user_id = await service.web_app(), await service.user()
    browser, other = str(uuid.uuid4()), str(uuid.uuid4())
    begun = [await service.redeem(app, await service.code(app, user_id, browser_id=browser)) for _ in range(2)]
    code = await service.code(app, user_id, browser_id=browser)
    going_on = [await service.redeem(app, await service.code(app, user_id, browser_id=each)) for each in (other, "")]
    await sign_out(service, user_id, browser_ids=[browser])
    for token in begun:
        await refused(service.refresh(app, token.refresh_token), "INVALID_REFRESH_TOKEN")
        assert not (await service.introspect(app, token.access_token)).active
    await refused(service.redeem(app, code), "INVALID_GRANT")
    for token in going_on:
        await service.refresh(app, token.refresh_token)


async def test_what_is_redeemed_or_refreshed_while_its_user_signs_out_does_not_survive(service: Running) -> None:
    app, user_id, browser = await service.web_app(), await service.user(), str(uuid.uuid4())
    for _ in range(3):
        begun = [await service.redeem(app, await service.code(app, user_id, browser_id=browser)) for _ in range(3)]
        codes = [await service.code(app, user_id, browser_id=browser) for _ in range(3)]
        redeemed = [asyncio.ensure_future(_redeemed(service, app, code)) for code in codes]
        refreshed = [asyncio.ensure_future(_refreshed(service, app, token)) for token in begun]
        async with asyncio.timeout(30):
            await sign_out(service, user_id, browser_ids=[browser])
            tokens = await asyncio.gather(*redeemed, *refreshed)
        assert not any([await _refreshed(service, app, token) for token in tokens if token])


async def test_sessions_codes_and_access_tokens_end(service: Running) -> None:
    app, user_id, other = await service.web_app(), await service.user(), await service.user()
    begun = await service.redeem(app, await service.code(app, user_id))
    kept = await service.redeem(app, await service.code(app, other))
    code = await service.code(app, user_id)
    await end(service, user_id)
    await refused(service.refresh(app, begun.refresh_token), "INVALID_REFRESH_TOKEN")
    await refused(service.redeem(app, code), "INVALID_GRANT")
    assert not (await service.introspect(app, begun.access_token)).active
    await service.refresh(app, kept.refresh_token)
    told = [(row["event"], row["actor"]) for row in await service.audit(user_id=user_id)]
    assert told.count(("session.all_of_user_revoked", "admin1")) == 1
    # The user is as it was.
    await service.redeem(app, await service.code(app, user_id))


async def test_a_superadmins_end_too_since_account_has_judged(service: Running) -> None:
    app, owner = await service.web_app(), service.made["user_id"]
    begun = await service.redeem(app, await service.code(app, owner))
    await end(service, owner)
    await refused(service.refresh(app, begun.refresh_token), "INVALID_REFRESH_TOKEN")


async def test_who_is_not_there_has_nothing_to_end(service: Running) -> None:
    user_id = await service.user()
    await end(service, "nobody")
    await end(service, user_id, "another")
    assert await service.revocations(user_id) == []


async def test_what_is_redeemed_while_sessions_end_does_not_survive(service: Running) -> None:
    """Neither waits for the other for ever: each code gives nothing, or a session that ends."""
    app, user_id = await service.web_app(), await service.user()
    for _ in range(5):
        codes = [await service.code(app, user_id) for _ in range(5)]
        redeemed = [asyncio.ensure_future(_redeemed(service, app, code)) for code in codes]
        async with asyncio.timeout(30):
            await end(service, user_id)
            tokens = await asyncio.gather(*redeemed)
        assert not any([await _refreshed(service, app, token) for token in tokens if token])


async def _refreshed(service: Running, app: App, token: token_pb2.Token) -> token_pb2.Token | None:
    try:
        return await service.refresh(app, token.refresh_token)
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error  # noqa: PT017 no other may pass
        return None


async def _redeemed(service: Running, app: App, code: str) -> token_pb2.Token | None:
    try:
        return await service.redeem(app, code)
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, error  # noqa: PT017 no other may pass
        return None


async def test_an_erasure_is_a_deletion(service: Running) -> None:
    app, user_id = await service.web_app(), await service.user()
    access_id = (await service.push_app()).access_id
    begun = await service.redeem(app, await service.code(app, user_id))
    answer = await erase(service, user_id)
    assert answer.outcome == ERASED
    assert access_id in answer.access_ids
    assert not await is_there(service, user_id)
    await refused(service.refresh(app, begun.refresh_token), "INVALID_REFRESH_TOKEN")
    assert await service.audit(user_id=user_id) == []
    assert await service.user_events(user_id) == ["created", "deleted"]
    again = await erase(service, user_id)
    assert (again.outcome, list(again.access_ids)) == (ABSENT, list(answer.access_ids))
    assert await service.user_events(user_id) == ["created", "deleted"]


async def test_who_was_made_after_the_order_stays(service: Running) -> None:
    user_id = await service.user()
    answer = await erase(service, user_id, order_time=ordered(datetime.now(UTC) - timedelta(minutes=1)))
    assert answer.outcome == ABSENT
    assert await is_there(service, user_id)


async def test_who_is_out_of_reach_stays(service: Running) -> None:
    admin = await service.user(role="admin")
    assert (await erase(service, admin, roles=["user"])).outcome == OUT_OF_REACH
    assert (await erase(service, service.made["user_id"])).outcome == OUT_OF_REACH
    assert await is_there(service, admin)


async def test_the_last_superadmin_stays(service: Running, tenant: TokenClient) -> None:
    owner = tenant.made["user_id"]
    answer = await erase(service, owner, domain_id=tenant.made["domain_id"], roles=list(ROLES))
    assert answer.outcome == LAST_SUPERADMIN
    assert await is_there(tenant, owner)


async def test_of_many_erasures_while_the_user_is_changed_one_is_first(service: Running) -> None:
    user_id = await service.user()
    changes = [asyncio.ensure_future(_changed(service, user_id, str(number))) for number in range(5)]
    answers = await asyncio.gather(*(erase(service, user_id) for _ in range(5)))
    await asyncio.gather(*changes)
    assert sorted(answer.outcome for answer in answers) == [ERASED, ABSENT, ABSENT, ABSENT, ABSENT]
    assert not await is_there(service, user_id)


async def _changed(service: Running, user_id: str, nick_name: str) -> None:
    try:
        await service.update_user(user_id, nick_name=nick_name)
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.NOT_FOUND, error  # noqa: PT017 no other may pass


async def test_pages_go_from_sessions_to_events(service: Running) -> None:
    """More of pages: tests/account/test_export_user.py."""
    app, user_id = await service.web_app(), await service.user(user_name="ann")
    for _ in range(2):
        await service.redeem(app, await service.code(app, user_id))
    shown, token = [], ""
    while not shown or token:
        request = pb2.ExportUserRequest(domain_id=DOMAIN, user_id=user_id, page_size=1, page_token=token)
        page = await stub(service).ExportUser(request, metadata=await service.minter())
        shown.append((page.HasField("user"), len(page.sessions), len(page.audit_events)))
        token = page.next_page_token
    events = len(await service.audit(user_id=user_id))
    assert shown == [(True, 1, 0), (False, 1, 0), *[(False, 0, 1)] * events, (False, 0, 0)]


async def test_nobody_is_exported_who_is_not_there(service: Running) -> None:
    for domain_id, user_id in ((DOMAIN, "nobody"), ("another", await service.user())):
        request = pb2.ExportUserRequest(domain_id=domain_id, user_id=user_id)
        await refused(stub(service).ExportUser(request, metadata=await service.minter()), "NOT_FOUND_USER")


async def test_who_may_do_all_in_a_domain_may_not_do_this(service: Running) -> None:
    operator, user_id = await service.operator(), await service.user()
    subject = {"domain_id": DOMAIN, "user_id": user_id}
    end = pb2.EndUserSessionsRequest(**subject, actor="x")
    export = pb2.ExportUserRequest(**subject)
    signing_out = pb2.SignUserOutRequest(**subject, actor="x")
    erasure = pb2.EraseUserRequest(**subject, actor="x", roles=["user"], order_time=ordered(datetime.now(UTC)))
    listing = pb2.ListUserSessionsRequest(**subject)
    await refused(stub(service).ListUserSessions(listing, metadata=operator), "PERMISSION_DENIED")
    await refused(stub(service).SignUserOut(signing_out, metadata=operator), "PERMISSION_DENIED")
    await refused(stub(service).EndUserSessions(end, metadata=operator), "PERMISSION_DENIED")
    await refused(stub(service).ExportUser(export, metadata=operator), "PERMISSION_DENIED")
    await refused(stub(service).EraseUser(erasure, metadata=operator), "PERMISSION_DENIED")
    assert await is_there(service, user_id)


@pytest.mark.parametrize(
    ("changed", "reason", "field"),
    [
        ({"domain_id": ""}, "FIELD_MISSING", "domain_id"),
        ({"user_id": ""}, "FIELD_MISSING", "user_id"),
        ({"user_id": "a b"}, "FIELD_INVALID", "user_id"),
        ({"actor": ""}, "FIELD_MISSING", "actor"),
        ({"actor": "x" * 129}, "FIELD_INVALID", "actor"),
        ({"roles": []}, "FIELD_MISSING", "roles"),
        ({"roles": ["root"]}, "FIELD_INVALID", "roles"),
        ({"order_time": None}, "FIELD_MISSING", "order_time"),
        ({"order_time": Timestamp(seconds=2**60)}, "FIELD_INVALID", "order_time"),
    ],
)
async def test_no_erasure(service: Running, changed: dict[str, Any], reason: str, field: str) -> None:
    await refused(erase(service, **{"user_id": "u1"} | changed), reason, field)


@pytest.mark.parametrize("which", ["session_ids", "browser_ids"])
@pytest.mark.parametrize("ids", [["x"], [""], [str(uuid.UUID(int=0))] * 1001], ids=["none", "empty", "many"])
async def test_nothing_that_can_be_signed_out(service: Running, which: str, ids: list[str]) -> None:
    await refused(sign_out(service, "u1", **{which: ids}), "FIELD_INVALID", which)
