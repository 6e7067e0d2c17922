"""ExportUser: all that there is of a user, page by page; with the real token service."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from tessera.account.v1 import link_service_pb2, user_data_service_pb2

from services.account.model import normalise
from services.account.model.logon import BrowserSession
from services.runtime.ids import uuid7, uuid7_time
from tests.account.whole_users import PENDING, PERMISSIONS, WholeUsers
from tests.support.calls import Metadata, refused
from tests.support.token import DOMAIN


@pytest.fixture
async def user_id(whole_users: WholeUsers) -> str:
    return await whole_users.token.user(user_name="ann", nick_name="Ann", user_data={"color": "blue"})


async def pages(
    whole_users: WholeUsers, user_id: str, page_size: int
) -> list[user_data_service_pb2.ExportUserResponse]:
    """All pages."""
    found, token = [], ""
    while not found or token:
        found.append(await whole_users.export(user_id, page_size=page_size, page_token=token))
        token = found[-1].next_page_token
        page = found[-1]
        assert len(page.sessions) + len(page.audit_events) + len(page.link_events) <= page_size
    return found


def sessions_in(found: Iterable[user_data_service_pb2.ExportUserResponse]) -> list[str]:
    return [kept.session.session_id for page in found for kept in page.sessions]


def events_in(found: Iterable[user_data_service_pb2.ExportUserResponse]) -> list[str]:
    return [event.event for page in found for event in page.audit_events]


async def test_everything_is_there(whole_users: WholeUsers, user_id: str) -> None:
    (identity,) = await whole_users.linked(user_id)
    await whole_users.store.update_link_name(DOMAIN, normalise("custom", identity), "Ann Lee")
    access_id = (await whole_users.token.push_app()).access_id
    opened = await whole_users.open_account(user_id, mobile="13900001234", login_id="ann")
    begun, over = await whole_users.session(user_id), await whole_users.session(user_id)
    await whole_users.token.revoke(whole_users.app, over.refresh_token)
    answer = await whole_users.export(user_id)
    user = answer.user
    assert (user.user_id, user.user_name, user.domain_id, dict(user.user_data)) == (
        user_id,
        "ann",
        DOMAIN,
        {"color": "blue"},
    )
    (link,) = answer.links
    assert (link.authentication_type, link.identity, link.user_id) == ("custom", identity, user_id)
    assert link.display_name == "Ann Lee"
    (account,) = answer.open_accounts
    # The user's own data are not masked.
    assert (account.identity_id, account.mobile, account.login_id) == (opened, "13900001234", "ann")
    assert [kept.session.client_id for kept in answer.sessions] == [whole_users.app.client_id] * 2
    assert [kept.HasField("revoke_time") for kept in answer.sessions] == [False, True]
    told = [event.event for event in answer.audit_events]
    assert told[0] == "user.created"
    assert told.count("authorization_code.issued") == 2
    assert {event.user_id for event in answer.audit_events} == {user_id}
    assert {event.proof_identity for event in answer.audit_events} >= {"13900001234"}
    assert (access_id, 0, user_id) in {(b.access_id, b.account_type, b.account) for b in answer.bound_accounts}
    assert not answer.next_page_token
    assert await whole_users.lives(begun)


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
async def test_pages_have_everything_once(whole_users: WholeUsers, user_id: str, page_size: int) -> None:
    await whole_users.linked(user_id, 2)
    for _ in range(3):
        await whole_users.session(user_id)
    (whole,) = await pages(whole_users, user_id, 1000)
    found = await pages(whole_users, user_id, page_size)
    assert sessions_in(found) == sessions_in([whole])
    assert len(sessions_in(found)) == 3
    assert events_in(found) == events_in([whole])
    assert [page.HasField("user") for page in found] == [True] + [False] * (len(found) - 1)
    assert [len(page.links) for page in found] == [2] + [0] * (len(found) - 1)


async def test_what_it_did_to_others_is_theirs(whole_users: WholeUsers, user_id: str) -> None:
    other = await whole_users.token.user()
    async with whole_users.token.database() as database:
        await database.execute(
            "update token.audit set actor = $1 where domain_id = $2 and user_id = $3", user_id, DOMAIN, other
        )
    (found,) = await pages(whole_users, user_id, 1000)
    assert {event.user_id for event in found.audit_events} == {user_id}


async def test_who_is_not_there(whole_users: WholeUsers, user_id: str) -> None:
    tenant = await whole_users.token.tenant(f"t{uuid.uuid4().hex[:8]}")
    await refused(whole_users.export("nobody"), "NOT_FOUND_LINK_USER")
    await refused(whole_users.export(user_id, await whole_users.stranger(tenant)), "NOT_FOUND_LINK_USER")
    await whole_users.erase(user_id)
    await refused(whole_users.export(user_id), "NOT_FOUND_LINK_USER")


@pytest.mark.parametrize(
    "lacking", ["account.link", "account.describe", "token.user.read", "token.session", "token.audit"]
)
async def test_who_may_not_see_a_part_sees_nothing(whole_users: WholeUsers, user_id: str, lacking: str) -> None:
    caller: Metadata = await whole_users.token.caller(*(set(PERMISSIONS) - {lacking}))
    await refused(whole_users.export(user_id, caller), "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"user_id": ""}, "FIELD_MISSING", "user_id"),
        ({"user_id": "a b"}, "FIELD_INVALID", "user_id"),
        ({"page_size": -1}, "FIELD_INVALID", "page_size"),
        ({"page_token": "none of ours"}, "FIELD_INVALID", "page_token"),
    ],
)
async def test_no_page(whole_users: WholeUsers, user_id: str, fields: dict[str, str], reason: str, field: str) -> None:
    await refused(whole_users.export(**{"user_id": user_id} | fields), reason, field)


async def test_a_page_is_of_one_user(whole_users: WholeUsers, user_id: str) -> None:
    await whole_users.session(user_id)
    token = (await whole_users.export(user_id, page_size=1)).next_page_token
    other = await whole_users.token.user()
    await refused(whole_users.export(other, page_token=token), "FIELD_INVALID", "page_token")


async def test_what_is_pending_is_told_and_its_secret_is_not(whole_users: WholeUsers, user_id: str) -> None:
    now = datetime.now(UTC)
    made, ended, late = uuid7(now), uuid7(now), uuid7(now)
    for proof_id in (made, ended, late):
        await whole_users.database.execute(PENDING, DOMAIN, proof_id, user_id, "c-ann")
    await whole_users.database.execute("update account.proof set ended_at = now() where proof_id = $1", ended)
    await whole_users.database.execute("update account.proof set expires_at = now() where proof_id = $1", late)
    await whole_users.database.execute(PENDING, DOMAIN, uuid7(now), await whole_users.token.user(), "c-bob")
    answer = await whole_users.export(user_id)
    (proof,) = answer.pending_proofs
    assert (proof.kind, proof.type, proof.identity, proof.wrong_tries) == ("ticket", "custom", "c-ann", 0)
    assert proof.created_at.ToDatetime(UTC) == uuid7_time(made)
    assert timedelta(minutes=9) < proof.expires_at.ToDatetime(UTC) - now < timedelta(minutes=11)
    assert {field.name for field in proof.DESCRIPTOR.fields} == {
        "kind",
        "type",
        "identity",
        "created_at",
        "expires_at",
        "wrong_tries",
    }


async def test_where_the_user_is_logged_on_and_what_it_let_apps_have(whole_users: WholeUsers, user_id: str) -> None:
    now, other = datetime.now(UTC), await whole_users.token.user()
    store, browsers = whole_users.store, {}
    for who in (user_id, user_id, other):
        browsers[uuid7(now)] = who
    for session_id, who in browsers.items():
        session = BrowserSession(session_id, b"hash", who, "mobile", "Firefox, Linux", now)
        await store.insert_logon_session(DOMAIN, session)
    ended, going_on = [session_id for session_id, who in browsers.items() if who == user_id]
    await store.end_logon_session(DOMAIN, user_id, ended, now)
    await store.upsert_consent(DOMAIN, user_id, "shop", ["openid", "email"], now)
    await store.upsert_consent(DOMAIN, other, "bank", ["openid"], now)
    answer = await whole_users.export(user_id)
    (browser,) = answer.browsers
    assert (browser.session_id, browser.browser, browser.method) == (str(going_on), "Firefox, Linux", "mobile")
    assert browser.proven_at.ToDatetime(UTC) == now
    (consent,) = answer.consents
    assert (consent.client_id, list(consent.scopes)) == ("shop", ["email", "openid"])
    assert consent.given_at.ToDatetime(UTC) == now
    assert b"hash" not in answer.SerializeToString()


def link_events_in(found: Iterable[user_data_service_pb2.ExportUserResponse]) -> list[tuple[str, str]]:
    kind = link_service_pb2.LinkEvent.Kind
    return [(kind.Name(event.kind), event.identity) for page in found for event in page.link_events]


@pytest.mark.parametrize("page_size", [1, 2, 5, 1000])
async def test_what_became_of_links_comes_last_and_once(whole_users: WholeUsers, user_id: str, page_size: int) -> None:
    other = await whole_users.token.user()
    first, second = await whole_users.linked(user_id, 2)
    await whole_users.merge(user_id, other)
    (third,) = await whole_users.linked(user_id)
    await whole_users.session(user_id)
    found = await pages(whole_users, user_id, page_size)
    told = link_events_in(found)
    # Those of one millisecond are in no order.
    assert sorted(told[:2]) == [("KIND_LINKED", first), ("KIND_LINKED", second)]
    assert sorted(told[2:4]) == [("KIND_UNLINKED", first), ("KIND_UNLINKED", second)]
    assert told[4:] == [("KIND_LINKED", third)]
    (whole,) = await pages(whole_users, user_id, 1000)
    assert (sessions_in(found), events_in(found)) == (sessions_in([whole]), events_in([whole]))
    event = whole.link_events[2]
    assert (event.user_id, event.domain_id, event.type) == (user_id, DOMAIN, "custom")
    # Who merged them.
    assert event.actor == whole_users.app.client_id
    others = link_events_in(await pages(whole_users, other, page_size))
    assert sorted(others) == [("KIND_LINKED", first), ("KIND_LINKED", second)]


async def test_what_an_earlier_user_of_the_id_left_is_not_told(whole_users: WholeUsers, user_id: str) -> None:
    await whole_users.linked(user_id)
    await whole_users.erase(user_id)
    assert await whole_users.events(user_id=user_id)
    await whole_users.token.user(user_id=user_id)
    await whole_users.caught_up()
    (identity,) = await whole_users.linked(user_id)
    assert link_events_in(await pages(whole_users, user_id, 1)) == [("KIND_LINKED", identity)]


async def test_a_page_of_events_is_of_one_user_who_is_there(whole_users: WholeUsers, user_id: str) -> None:
    await whole_users.linked(user_id, 2)
    found = await pages(whole_users, user_id, 1)
    token = found[-2].next_page_token
    assert token.startswith("links:")
    other = await whole_users.token.user()
    await refused(whole_users.export(other, page_token=token), "FIELD_INVALID", "page_token")
    await refused(whole_users.export(user_id, page_token="links:"), "FIELD_INVALID", "page_token")
    await whole_users.erase(user_id)
    await refused(whole_users.export(user_id, page_token=token), "NOT_FOUND_LINK_USER")
