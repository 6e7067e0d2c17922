"""EraseUser: what goes, what stays, who may; with the real token service."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from tessera.account.v1 import user_data_service_pb2
from tessera.token.v1 import user_service_pb2

from services.account.model import Order, normalise
from services.runtime.ids import uuid7
from tests.account.whole_users import PENDING, PERMISSIONS, WholeUsers, link, until
from tests.support.callers import people_app, person, superadmin
from tests.support.calls import refused
from tests.support.token import DOMAIN


@pytest.fixture
async def user_id(whole_users: WholeUsers) -> str:
    return await whole_users.token.user(user_name="ann")


async def dump(whole_users: WholeUsers, *, without: tuple[str, ...] = ()) -> str:
    """All that stands in account's tables."""
    tables = await whole_users.database.fetch(
        "select relname from pg_class where relnamespace = 'account'::regnamespace and relkind in ('r', 'p')"
        " and not relispartition order by relname"
    )
    lines = []
    for table in (row["relname"] for row in tables):
        if table not in without:
            rows = await whole_users.database.fetch(f"select to_jsonb(t)::text as line from account.{table} t")
            lines += [row["line"] for row in rows]
    return "\n".join(lines)


async def test_a_user_is_gone_in_both_services(whole_users: WholeUsers, user_id: str) -> None:
    other = await whole_users.token.user()
    mine, theirs = await whole_users.linked(user_id, 2), await whole_users.linked(other)
    names = {"display_name": uuid.uuid4().hex, "login_id": uuid.uuid4().hex, "mobile": "13912345678"}
    await whole_users.open_account(user_id, **names)
    await whole_users.store.update_link_name(DOMAIN, normalise("custom", mine[0]), names["display_name"])
    kept = await whole_users.open_account(other)
    begun, code = await whole_users.session(user_id), await whole_users.token.code(whole_users.app, user_id)
    for whose, identity in ((user_id, "for nobody"), (other, mine[0])):
        await whole_users.database.execute(PENDING, DOMAIN, uuid7(datetime.now(UTC)), whose, identity)
    # One that is over says as much of the user as one that is pending.
    over = uuid7(datetime.now(UTC))
    await whole_users.database.execute(PENDING, DOMAIN, over, user_id, "over")
    await whole_users.database.execute("update account.proof set ended_at = now() where proof_id = $1", over)
    await whole_users.erase(user_id)
    request = user_service_pb2.UserServiceGetUserRequest(user_id=user_id)
    await refused(whole_users.token.users.GetUser(request, metadata=whole_users.caller), "NOT_FOUND_USER")
    assert not await whole_users.lives(begun)
    await refused(whole_users.token.redeem(whole_users.app, code), "INVALID_GRANT")
    assert await whole_users.links_of(user_id) == []
    assert await whole_users.links_of(other) == theirs
    assert (await whole_users.store.select_open_account(DOMAIN, uuid.UUID(kept))).user_id == other
    left = await dump(whole_users, without=("link_event", "erased_identity", "gone_user"))
    for text in (user_id, *mine, *names.values()):
        assert text not in left
    assert user_id not in {row["user_id"] for row in await whole_users.token.audit(event="user.created")}
    assert await whole_users.orders(user_id) == []


async def test_the_feed_tells_the_end_of_each_link_and_nothing_else(whole_users: WholeUsers, user_id: str) -> None:
    """Also of a link that was there before: who was told of it must hear that it is over."""
    other = await whole_users.token.user()
    (passed,) = await whole_users.linked(user_id)
    await whole_users.merge(user_id, other)
    mine = await whole_users.linked(user_id, 2)
    await whole_users.erase(user_id)
    assert await whole_users.events(user_id=user_id) == [
        ("unlinked", passed, user_id),
        *(("unlinked", identity, user_id) for identity in mine),
    ]
    assert await whole_users.events(identity=passed) == [("unlinked", passed, user_id), ("linked", passed, other)]


async def test_what_binding_may_hold_is_answered(whole_users: WholeUsers, user_id: str) -> None:
    apps = {(await whole_users.token.push_app()).access_id for _ in "ab"}
    identities = (
        ("mobile", "139 0000 1234"),
        ("email", "Ann@Example.com"),
        ("wechat", "oAnn"),
        ("custom", "c-ann"),
        ("ldap", "x"),
    )
    for type_, given in identities:
        await link(whole_users.store, user_id, normalise(type_, given), whole_users.token.clock.now())
    await whole_users.open_account(user_id, open_id="open-ann")
    exported = (await whole_users.export(user_id)).bound_accounts
    answered = (await whole_users.erase(user_id)).bound_accounts
    assert list(answered) == list(exported)
    held = {(bound.access_id, bound.account_type, bound.account) for bound in answered}
    assert len(held) == len(answered)
    assert {access_id for access_id, _, _ in held} >= apps
    expected = {
        (0, user_id),
        (0, "+8613900001234"),
        (1002, "+8613900001234"),
        (0, "139 0000 1234"),
        (0, "Ann@Example.com"),
        (1005, "Ann@Example.com"),
        (0, "ann@example.com"),
        (1005, "ann@example.com"),
        (0, "oAnn"),
        (999, "oAnn"),
        (1003, "oAnn"),
        (0, "c-ann"),
        (0, "open-ann"),
        # `x` is shorter than anything that binding takes.
    }
    for access_id in apps:
        assert {(kind, account) for app, kind, account in held if app == access_id} == expected


async def test_a_repeated_erasure_answers_the_same_for_a_day(whole_users: WholeUsers, user_id: str) -> None:
    await whole_users.token.push_app()
    (identity,) = await whole_users.linked(user_id)
    first = await whole_users.erase(user_id)
    assert identity in {bound.account for bound in first.bound_accounts}
    answers = await asyncio.gather(*(whole_users.erase(user_id) for _ in range(5)))
    assert all(answer == first for answer in answers)
    assert await whole_users.events(user_id=user_id) == [("unlinked", identity, user_id)]
    await whole_users.database.execute(
        "update account.erased_identity set erased_at = erased_at - interval '25 hours' where user_id = $1", user_id
    )
    await until(lambda: _forgotten(whole_users, user_id))
    later = await whole_users.erase(user_id)
    assert {bound.account for bound in later.bound_accounts} == {user_id}


async def _forgotten(whole_users: WholeUsers, user_id: str) -> bool:
    rows = await whole_users.database.fetch("select from account.erased_identity where user_id = $1", user_id)
    return not rows


async def test_many_at_once_are_one(whole_users: WholeUsers, user_id: str) -> None:
    await whole_users.token.push_app()
    identities = await whole_users.linked(user_id, 5)
    for _ in range(3):
        await whole_users.open_account(user_id)

    async def erased() -> set[str]:
        return {each.account for each in (await whole_users.erase(user_id)).bound_accounts}

    for accounts in await asyncio.gather(*(erased() for _ in range(12))):
        assert accounts >= set(identities)
    assert await whole_users.links_of(user_id) == []
    assert await whole_users.orders(user_id) == []


async def test_who_is_not_there_is_a_success_and_leaves_nothing_behind(whole_users: WholeUsers) -> None:
    nobody = f"nobody-{uuid.uuid4().hex}"
    await whole_users.linked(nobody)
    await whole_users.erase(nobody)
    assert await whole_users.links_of(nobody) == []
    assert await whole_users.orders(nobody) == []


async def test_another_domains_user_does_not_exist(whole_users: WholeUsers, user_id: str) -> None:
    (identity,) = await whole_users.linked(user_id)
    tenant = await whole_users.token.tenant(f"t{uuid.uuid4().hex[:8]}")
    answer = await whole_users.erase(user_id, await whole_users.stranger(tenant))
    assert not answer.bound_accounts
    assert await whole_users.links_of(user_id) == [identity]
    assert await whole_users.lives(await whole_users.session(user_id))


async def test_a_new_user_of_the_same_id_inherits_nothing_and_loses_nothing(whole_users: WholeUsers) -> None:
    """An order that is done late is the earlier user's."""
    user_id = await whole_users.token.user()
    await whole_users.linked(user_id)
    await whole_users.erase(user_id)
    assert await whole_users.token.user(user_id=user_id) == user_id
    await whole_users.caught_up()
    await whole_users.database.execute(
        "insert into account.outbox (domain_id, user_id, kind, version, actor, roles, created_at, ordered_at, due_at)"
        " select $1, $2, 'erase', gen_random_uuid(), 'test', '{user}', t.at, t.at, t.at"
        " from (select now() - interval '1 minute' as at) t",
        DOMAIN,
        user_id,
    )
    (identity,) = await whole_users.linked(user_id)
    await until(lambda: _settled(whole_users, user_id))
    assert await whole_users.links_of(user_id) == [identity]
    assert await whole_users.events(identity=identity) == [("linked", identity, user_id)]
    assert await whole_users.lives(await whole_users.session(user_id))


async def _settled(whole_users: WholeUsers, user_id: str) -> bool:
    return await whole_users.orders(user_id) == []


@pytest.mark.parametrize("lacking", ["account.link", "token.user.write"])
async def test_who_lacks_a_permission_may_not(whole_users: WholeUsers, user_id: str, lacking: str) -> None:
    caller = await whole_users.token.caller(*(set(PERMISSIONS) - {lacking}))
    await refused(whole_users.erase(user_id, caller), "PERMISSION_DENIED")


async def test_a_user_may_not_erase_itself(whole_users: WholeUsers, user_id: str) -> None:
    caller = await person(whole_users.token, await people_app(whole_users.token), user_id)
    await refused(whole_users.erase(user_id, caller), "PERMISSION_DENIED")


async def test_nothing_is_erased_of_who_is_beyond_the_caller(whole_users: WholeUsers) -> None:
    owner = await superadmin(whole_users.token)
    made = await whole_users.token.make_superadmin(owner)
    admin = await whole_users.token.user(role="admin")
    less = await whole_users.token.caller("account.link", "token.user.write")
    for user_id, caller in ((made, whole_users.caller), (admin, less)):
        identities = await whole_users.linked(user_id)
        await refused(whole_users.erase(user_id, caller), "PERMISSION_DENIED")
        assert await whole_users.links_of(user_id) == identities
        assert await whole_users.orders(user_id) == []
        # Nor is anything kept beside.
        assert await _forgotten(whole_users, user_id)
    await whole_users.erase(admin)
    await whole_users.erase(made, owner)
    assert await whole_users.links_of(made) == await whole_users.links_of(admin) == []


async def test_who_reaches_less_takes_nothing_from_an_order_that_stands(whole_users: WholeUsers) -> None:
    """What is kept in mind is that order's, which reaches further, and cannot be read again once it is gone."""
    await whole_users.token.push_app()
    admin = await whole_users.token.user(role="admin")
    (identity,) = await whole_users.linked(admin)
    now = datetime.now(UTC)
    standing = Order(DOMAIN, admin, "erase", uuid7(now), "test", ordered_at=now, roles=("user", "admin"))
    await whole_users.store.insert_order(standing, now + timedelta(hours=1))
    await whole_users.store.remember_user(DOMAIN, admin, now)
    await whole_users.database.execute("delete from account.link where user_id = $1", admin)
    less = await whole_users.token.caller("account.link", "token.user.write")
    await refused(whole_users.erase(admin, less), "PERMISSION_DENIED")
    assert await whole_users.orders(admin) == ["erase"]
    answer = await whole_users.erase(admin)
    assert {bound.account for bound in answer.bound_accounts} == {admin, identity}


async def test_an_erasure_beyond_the_caller_leaves_what_an_earlier_one_answered(
    whole_users: WholeUsers, user_id: str
) -> None:
    """Of another user of the same id."""
    (before,) = await whole_users.linked(user_id)
    await whole_users.erase(user_id)
    await whole_users.token.user(user_id=user_id, role="admin")
    await whole_users.caught_up()
    await whole_users.linked(user_id)
    less = await whole_users.token.caller("account.link", "token.user.write")
    await refused(whole_users.erase(user_id, less), "PERMISSION_DENIED")
    kept = await whole_users.database.fetch("select identity from account.erased_identity where user_id = $1", user_id)
    assert [row["identity"] for row in kept] == [before]


async def test_the_last_superadmin_stays(whole_users: WholeUsers) -> None:
    owner, caller = whole_users.token.made["user_id"], await superadmin(whole_users.token)
    async with whole_users.token.database() as database:
        await database.execute(
            "update token.app_user set role = 'user' where domain_id = $1 and user_id <> $2", DOMAIN, owner
        )
    identities = await whole_users.linked(owner)
    await refused(whole_users.erase(owner, caller), "USER_KEPT")
    assert await whole_users.links_of(owner) == identities
    assert await whole_users.orders(owner) == []
    second = await whole_users.token.make_superadmin(caller)
    await whole_users.erase(second, caller)
    await refused(whole_users.erase(owner, caller), "USER_KEPT")


@pytest.mark.parametrize(("given", "reason"), [("", "FIELD_MISSING"), ("a b", "FIELD_INVALID")])
async def test_no_user(whole_users: WholeUsers, given: str, reason: str) -> None:
    await refused(whole_users.erase(given), reason, "user_id")


async def test_erasures_merges_and_links_at_once_leave_nothing_of_who_was_erased(whole_users: WholeUsers) -> None:
    """A link either moved before, or is gone; one that comes later finds nobody."""
    for _ in range(5):
        one, other = await whole_users.token.user(), await whole_users.token.user()
        before, late = await whole_users.linked(one, 5), [uuid.uuid4().hex for _ in range(5)]
        calls = [
            whole_users.erase(one),
            whole_users.merge(one, other),
            *(whole_users.link(one, identity) for identity in late),
        ]
        await asyncio.gather(*calls, return_exceptions=True)
        await whole_users.erase(one)
        assert await whole_users.links_of(one) == []
        moved = set(await whole_users.links_of(other))
        assert moved <= {*before, *late}
        # What was there before goes one way together.
        assert moved & set(before) in (set(), set(before))
        assert await whole_users.orders(one) == []


async def test_what_became_anothers_is_not_to_be_unbound(whole_users: WholeUsers, user_id: str) -> None:
    await whole_users.token.push_app()
    (identity,) = await whole_users.linked(user_id)
    other = await whole_users.token.user()
    async with whole_users.token.database() as database, database.transaction() as connection:
        await connection.execute(
            "select from token.app_user where domain_id = $1 and user_id = $2 for update", DOMAIN, user_id
        )
        call = asyncio.ensure_future(_erased(whole_users, user_id))
        await until(lambda: whole_users.orders(user_id))
        await whole_users.database.execute("update account.link set user_id = $2 where user_id = $1", user_id, other)
    assert {bound.account for bound in (await call).bound_accounts} == {user_id}
    assert await whole_users.links_of(other) == [identity]


async def _erased(whole_users: WholeUsers, user_id: str) -> user_data_service_pb2.EraseUserResponse:
    answer: user_data_service_pb2.EraseUserResponse = await whole_users.erase(user_id)
    return answer


async def test_what_who_follows_tokens_users_took_away_first_is_answered_and_gone(
    whole_users: WholeUsers, user_id: str
) -> None:
    """Links and ties of a deleted user go when token tells of it, which may be before token's answer is here."""
    await whole_users.token.push_app()
    (identity,) = await whole_users.linked(user_id)
    opened = uuid.UUID(await whole_users.open_account(user_id, open_id="open-bob", login_id="bob"))
    async with whole_users.token.database() as database, database.transaction() as connection:
        await connection.execute(
            "select from token.app_user where domain_id = $1 and user_id = $2 for update", DOMAIN, user_id
        )
        call = asyncio.ensure_future(whole_users.erase(user_id).code())
        await until(lambda: whole_users.orders(user_id))
        await whole_users.database.execute("delete from account.link where user_id = $1", user_id)
        await whole_users.database.execute("update account.open_account set user_id = '' where user_id = $1", user_id)
    assert await call is grpc.StatusCode.OK
    assert await whole_users.store.select_open_account(DOMAIN, opened) is None
    answer = await whole_users.erase(user_id)
    assert {bound.account for bound in answer.bound_accounts} == {user_id, identity, "open-bob"}
