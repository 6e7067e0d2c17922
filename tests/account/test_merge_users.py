"""MergeUsers: what moves, who may, who races; with the real token service."""

import asyncio
import itertools
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from services.account.model import normalise
from services.account.model.logon import BrowserSession
from services.runtime.ids import uuid7
from tests.account.whole_users import PENDING, PERMISSIONS, WholeUsers
from tests.support.callers import people_app, person, superadmin
from tests.support.calls import refusal_in, refused
from tests.support.token import DOMAIN


@pytest.fixture
async def pair(whole_users: WholeUsers) -> tuple[str, str]:
    """Two users."""
    return await whole_users.token.user(), await whole_users.token.user()


async def test_links_and_open_accounts_move(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    mine, theirs = await whole_users.linked(one, 3), await whole_users.linked(other, 2)
    moved = uuid.UUID(await whole_users.open_account(one))
    answer = await whole_users.merge(one, other)
    assert (answer.moved_links, answer.moved_open_accounts) == (3, 1)
    assert await whole_users.links_of(one) == []
    assert await whole_users.links_of(other) == sorted(mine + theirs)
    assert (await whole_users.store.select_open_account(DOMAIN, moved)).user_id == other
    assert await whole_users.orders(one) == []


async def test_a_link_moves_as_it_was(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    (identity,) = await whole_users.linked(one)
    before = await whole_users.store.select_link(DOMAIN, normalise("custom", identity))
    await whole_users.merge(one, other)
    after = await whole_users.store.select_link(DOMAIN, normalise("custom", identity))
    assert (after.identity, after.created_at, after.user_id) == (identity, before.created_at, other)


async def test_the_feed_tells_the_ones_end_before_the_others_beginning(
    whole_users: WholeUsers, pair: tuple[str, str]
) -> None:
    one, other = pair
    identities = await whole_users.linked(one, 3)
    await whole_users.merge(one, other)
    await whole_users.merge(other, one)
    for identity in identities:
        assert await whole_users.events(identity=identity) == [
            ("linked", identity, one),
            ("unlinked", identity, one),
            ("linked", identity, other),
            ("unlinked", identity, other),
            ("linked", identity, one),
        ]


async def test_what_the_emptied_user_had_at_token_is_over(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    begun, kept = await whole_users.session(one), await whole_users.session(other)
    (identity,) = await whole_users.linked(one)
    linked = await whole_users.link(one, identity)
    code = await whole_users.token.code(whole_users.app, one)
    now = whole_users.token.clock.now()
    browser = BrowserSession(uuid7(now), b"hash", one, "mobile", "Firefox, Linux", now)
    await whole_users.store.insert_logon_session(DOMAIN, browser)
    await whole_users.merge(one, other)
    assert await whole_users.store.select_logon_sessions(DOMAIN, one, now) == []
    assert not await whole_users.lives(begun)
    assert not await whole_users.lives(linked)
    assert await whole_users.lives(kept)
    await refused(whole_users.token.redeem(whole_users.app, code), "INVALID_GRANT")
    assert not (await whole_users.token.introspect(whole_users.app, begun.access_token)).active
    told = [(row["event"], row["actor"]) for row in await whole_users.token.audit(user_id=one)]
    assert told.count(("session.all_of_user_revoked", whole_users.app.client_id)) == 1


async def test_the_emptied_user_stays_and_may_be_linked_anew(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    await whole_users.linked(one)
    await whole_users.merge(one, other)
    identity = uuid.uuid4().hex
    token = await whole_users.link(one, identity)
    assert token.user_id == one
    assert await whole_users.lives(token)
    assert await whole_users.links_of(one) == [identity]


async def test_a_repeated_merge_is_harmless(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    identities = await whole_users.linked(one, 2)
    kept = await whole_users.session(other)
    await whole_users.merge(one, other)
    told = await whole_users.events(identity=identities[0])
    answers = await asyncio.gather(*(whole_users.merge(one, other) for _ in range(5)))
    assert {(answer.moved_links, answer.moved_open_accounts) for answer in answers} == {(0, 0)}
    assert await whole_users.links_of(other) == identities
    assert await whole_users.events(identity=identities[0]) == told
    assert await whole_users.lives(kept)
    assert await whole_users.orders(one) == []


@pytest.mark.parametrize("missing", ["from", "into"])
async def test_nothing_moves_where_one_is_not_there(
    whole_users: WholeUsers, pair: tuple[str, str], missing: str
) -> None:
    one, _ = pair
    identities = await whole_users.linked(one)
    users = ("nobody", one) if missing == "from" else (one, "nobody")
    begun = await whole_users.session(one)
    await refused(whole_users.merge(*users), "NOT_FOUND_LINK_USER")
    assert await whole_users.links_of(one) == identities
    assert await whole_users.lives(begun)
    assert await whole_users.orders(one) == []


async def test_another_domains_users_do_not_exist(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    identities = await whole_users.linked(one)
    tenant = await whole_users.token.tenant(f"t{uuid.uuid4().hex[:8]}")
    stranger, theirs = await whole_users.stranger(tenant), await tenant.user()
    await refused(whole_users.merge(one, other, stranger), "NOT_FOUND_LINK_USER")
    await refused(whole_users.merge(one, theirs), "NOT_FOUND_LINK_USER")
    await refused(whole_users.merge(theirs, one), "NOT_FOUND_LINK_USER")
    assert await whole_users.links_of(one) == identities


async def test_what_is_pending_of_the_emptied_user_ends(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    for user_id in pair:
        await whole_users.database.execute(PENDING, DOMAIN, uuid7(datetime.now(UTC)), user_id, uuid.uuid4().hex)
    await whole_users.merge(one, other)
    rows = await whole_users.database.fetch(
        "select user_id, ended_at is not null as ended from account.proof where user_id = any ($1)", list(pair)
    )
    assert {row["user_id"]: row["ended"] for row in rows} == {one: True, other: False}


async def test_nothing_moves_to_who_was_deleted_meanwhile(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    """Token still told of it; the feed of users was faster."""
    one, other = pair
    identities = await whole_users.linked(one)
    await whole_users.caught_up()
    await whole_users.database.execute("insert into account.gone_user values ($1, $2, now())", DOMAIN, other)
    await refused(whole_users.merge(one, other), "NOT_FOUND_LINK_USER")
    await refused(whole_users.merge(other, one), "NOT_FOUND_LINK_USER")
    assert await whole_users.links_of(one) == identities


async def test_who_is_disabled_gets_nothing_but_may_be_emptied(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    identities = await whole_users.linked(one)
    await whole_users.token.set_status(other, "disabled")
    await refused(whole_users.merge(one, other), "LINK_USER_REFUSED")
    assert await whole_users.links_of(one) == identities
    mine = await whole_users.linked(other)
    await whole_users.merge(other, one)
    assert await whole_users.links_of(one) == sorted(identities + mine)


@pytest.mark.parametrize(
    ("from_user_id", "into_user_id", "reason", "field"),
    [
        ("", "u1", "FIELD_MISSING", "from_user_id"),
        ("u1", "", "FIELD_MISSING", "into_user_id"),
        ("a b", "u1", "FIELD_INVALID", "from_user_id"),
        ("u1", "x" * 65, "FIELD_INVALID", "into_user_id"),
        ("u1", "u1", "FIELD_INVALID", "into_user_id"),
    ],
)
async def test_no_two_users(
    whole_users: WholeUsers, from_user_id: str, into_user_id: str, reason: str, field: str
) -> None:
    await refused(whole_users.merge(from_user_id, into_user_id), reason, field)


@pytest.mark.parametrize("lacking", ["account.link", "token.user.write"])
async def test_who_lacks_a_permission_may_not(whole_users: WholeUsers, pair: tuple[str, str], lacking: str) -> None:
    caller = await whole_users.token.caller(*(set(PERMISSIONS) - {lacking}))
    await refused(whole_users.merge(*pair, caller), "PERMISSION_DENIED")


async def test_a_user_may_not_also_not_for_itself(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    caller = await person(whole_users.token, await people_app(whole_users.token), one)
    await refused(whole_users.merge(other, one, caller), "PERMISSION_DENIED")


async def test_an_admin_merges_users_and_admins_but_no_superadmin(
    whole_users: WholeUsers, pair: tuple[str, str]
) -> None:
    """Whoever gets an identity logs on as the other."""
    token = whole_users.token
    one, other = pair
    app = await people_app(token)
    admin, second = await token.user(role="admin"), await token.user(role="admin")
    caller = await person(token, app, admin)
    owner = token.made["user_id"]
    (identity,) = await whole_users.linked(one)
    for users in ((one, owner), (owner, one)):
        await refused(whole_users.merge(*users, caller), "PERMISSION_DENIED")
        await refused(whole_users.merge(*users), "PERMISSION_DENIED")
    assert await whole_users.links_of(one) == [identity]
    await whole_users.merge(one, other, caller)
    await whole_users.merge(other, second, caller)
    assert await whole_users.links_of(second) == [identity]


async def test_who_holds_less_than_an_admin_merges_no_admin(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, _ = pair
    caller = await whole_users.token.caller("account.link", "token.user.write")
    admin = await whole_users.token.user(role="admin")
    await refused(whole_users.merge(one, admin, caller), "PERMISSION_DENIED")
    await refused(whole_users.merge(admin, one, caller), "PERMISSION_DENIED")


async def test_a_superadmin_merges_superadmins(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    owner = await superadmin(whole_users.token)
    made = await whole_users.token.make_superadmin(owner)
    identities = await whole_users.linked(one)
    await whole_users.merge(one, made, owner)
    await whole_users.merge(made, other, owner)
    assert await whole_users.links_of(other) == identities


async def test_merges_that_cross_leave_all_with_one(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    identities = sorted(await whole_users.linked(one, 10) + await whole_users.linked(other, 10))
    for _ in range(5):
        await asyncio.gather(
            *itertools.chain.from_iterable((whole_users.merge(one, other), whole_users.merge(other, one)) for _ in "ab")
        )
        ends = [await whole_users.links_of(one), await whole_users.links_of(other)]
        assert sorted(ends) == [[], identities]
        for identity in identities:
            told = await whole_users.events(identity=identity)
            # Each end is of who had it, and the next beginning follows at once.
            assert [kind for kind, _, _ in told] == ["linked", *["unlinked", "linked"] * (len(told) // 2)]
            assert all(told[at][2] == told[at + 1][2] for at in range(0, len(told) - 1, 2))
    assert await whole_users.orders(one) == await whole_users.orders(other) == []


async def test_merges_round_a_ring_end(whole_users: WholeUsers) -> None:
    ring = [await whole_users.token.user() for _ in range(5)]
    identities = sorted(itertools.chain.from_iterable([await whole_users.linked(user, 3) for user in ring]))
    async with asyncio.timeout(60):
        for _ in range(5):
            steps = list(itertools.pairwise([*ring, ring[0]]))
            random.shuffle(steps)
            await asyncio.gather(*(whole_users.merge(*step) for step in steps))
    found = [await whole_users.links_of(user) for user in ring]
    assert sorted(itertools.chain.from_iterable(found)) == identities


async def test_a_link_that_races_a_merge_moves_or_stays(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    """And no Token of the emptied user for a link that moved outlives the merge."""
    one, other = pair
    fresh = [uuid.uuid4().hex for _ in range(20)]
    links = [asyncio.create_task(_linked(whole_users, one, identity)) for identity in fresh]
    await asyncio.wait(links, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(random.random() / 20)
    assert any(link.done() for link in links)
    await whole_users.merge(one, other)
    tokens = dict(zip(fresh, await asyncio.gather(*links), strict=True))
    moved = await whole_users.links_of(other)
    assert sorted(await whole_users.links_of(one) + moved) == sorted(fresh)
    assert any(tokens[identity] for identity in moved)
    assert not any([await whole_users.lives(tokens[identity]) for identity in moved if tokens[identity]])
    # Nothing is left behind that another merge would not find.
    await whole_users.merge(one, other)
    assert await whole_users.links_of(other) == sorted(fresh)


async def _linked(whole_users: WholeUsers, user_id: str, identity: str) -> Any:
    """The Token; `None` where the link had moved before it was issued."""
    try:
        return await whole_users.link(user_id, identity)
    except grpc.aio.AioRpcError as error:
        if refusal_in(error).reason != "IDENTITY_TAKEN":
            raise
        return None


async def test_a_link_under_way_is_waited_for_and_moves(whole_users: WholeUsers, pair: tuple[str, str]) -> None:
    one, other = pair
    identity = uuid.uuid4().hex
    async with _link_under_way(whole_users, one, identity):
        merge = asyncio.create_task(_merged(whole_users, one, other))
        await asyncio.sleep(0.3)
        assert not merge.done()
    assert (await merge).moved_links == 1
    assert await whole_users.links_of(other) == [identity]


async def _merged(whole_users: WholeUsers, one: str, other: str) -> Any:
    return await whole_users.merge(one, other)


@asynccontextmanager
async def _link_under_way(whole_users: WholeUsers, user_id: str, identity: str) -> AsyncIterator[None]:
    """A link that commits where this ends."""
    known, now = normalise("custom", identity), datetime.now(UTC)
    async with whole_users.store.transaction() as store:
        await store.link_identity(DOMAIN, known, user_id, now=now, event_id=uuid7(now), actor="test")
        yield
