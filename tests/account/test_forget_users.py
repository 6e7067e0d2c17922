"""What is done in the database where a user is gone, and what a race with that leaves."""

import asyncio
import random
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.account.errors import NotFoundLinkUser
from services.account.model import OpenAccount, UserId, normalise
from services.account.store import Store
from services.runtime.ids import uuid7
from tests.account.callers import Domain
from tests.account.linking import linked

# The service that runs on this database makes the partitions of its feed.
pytestmark = pytest.mark.usefixtures("alone")

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


def named() -> str:
    return uuid.uuid4().hex


async def open_account(store: Store, domain: Domain, user_id: str) -> OpenAccount:
    """An open account of a user, in a project of the domain."""
    await store.insert_project(domain.id, "p1", "Ours", NOW)
    made = OpenAccount(domain.id, uuid.uuid4(), "p1", "ALIOS", named(), user_id, "", "", "", "", "AK1")
    assert await store.insert_open_account(made, NOW)
    return made


async def test_links_and_ties_go_and_nothing_else(
    store: Store, domain: Domain, other_domain: Domain, account_dsn: str
) -> None:
    for number in range(3):
        await linked(store, domain.id, normalise("custom", f"i{number}"), "gone", NOW)
    await linked(store, domain.id, normalise("custom", "other"), "other", NOW)
    await linked(store, other_domain.id, normalise("custom", "i0"), "gone", NOW)
    tied, free = await open_account(store, domain, "gone"), await open_account(store, domain, "other")
    assert await store.forget_users([UserId(domain.id, "gone"), UserId(domain.id, "nobody")], datetime.now(UTC)) == 3
    assert await store.select_links_of_user(domain.id, "gone") == []
    assert len(await store.select_links_of_user(domain.id, "other")) == 1
    assert len(await store.select_links_of_user(other_domain.id, "gone")) == 1
    assert (await store.select_open_account(domain.id, tied.identity_id)).user_id == ""
    assert await store.select_open_account(domain.id, free.identity_id) == free
    connection = await asyncpg.connect(account_dsn)
    rows = await connection.fetch(
        "select event_id, kind, identity_key, actor from account.link_event where domain_id = $1 order by seq",
        domain.id,
    )
    await connection.close()
    ends = {row["identity_key"]: row["actor"] for row in rows if row["kind"] == "unlinked"}
    assert ends == {"i0": "token", "i1": "token", "i2": "token"}
    for row in rows:
        assert (row["event_id"].version, row["event_id"].variant) == (7, uuid.RFC_4122)


async def test_nothing_is_linked_to_who_is_gone_until_he_is_there_again(store: Store, domain: Domain) -> None:
    user, identity = UserId(domain.id, "u1"), normalise("custom", "x")
    for _ in range(2):
        await store.forget_users([user], datetime.now(UTC))
        assert not await linked(store, domain.id, identity, "u1", NOW)
    assert await store.select_link(domain.id, identity) is None
    await store.delete_gone_users([user, UserId(domain.id, "another")])
    assert await linked(store, domain.id, identity, "u1", NOW)


async def test_that_a_user_is_gone_is_not_kept_for_ever(store: Store, domain: Domain) -> None:
    now = datetime.now(UTC)
    old = [UserId(domain.id, f"old{number}") for number in range(3)]
    await store.forget_users(old, now - timedelta(days=9))
    await store.forget_users([UserId(domain.id, "new")], now)
    assert await store.delete_old_gone_users(now - timedelta(days=8), 2) == 2
    assert await store.delete_old_gone_users(now - timedelta(days=8), 2) == 1
    assert await linked(store, domain.id, normalise("custom", "x"), "old1", NOW)
    assert not await linked(store, domain.id, normalise("custom", "y"), "new", NOW)


async def test_a_link_that_races_with_its_users_end_is_gone_or_refused(store: Store, domain: Domain) -> None:
    """Many rounds, several who link until they are refused: whichever comes first, nothing is left."""
    made = 0

    async def link(user_id: str) -> None:
        nonlocal made
        while await linked(store, domain.id, normalise("custom", named()), user_id, NOW):
            made += 1

    async def end(user_id: str) -> None:
        await asyncio.sleep(random.random() * 0.02)
        await store.forget_users([UserId(domain.id, user_id)], datetime.now(UTC))

    async with asyncio.timeout(100):
        for number in range(100):
            user_id = f"u{number}"
            await asyncio.gather(*(link(user_id) for _ in range(6)), end(user_id))
            assert await store.select_links_of_user(domain.id, user_id) == []
    assert made > 0


async def test_nothing_is_opened_for_who_is_gone_until_he_is_there_again(store: Store, domain: Domain) -> None:
    free = await open_account(store, domain, "")
    wanted = replace(free, identity_id=uuid.uuid4(), open_id=named(), user_id="u1")
    await store.forget_users([UserId(domain.id, "u1")], datetime.now(UTC))
    with pytest.raises(NotFoundLinkUser):
        await store.insert_open_account(wanted, NOW)
    with pytest.raises(NotFoundLinkUser):
        await store.update_open_account(replace(free, user_id="u1"), NOW)
    assert await store.select_open_account(domain.id, wanted.identity_id) is None
    assert await store.select_open_account(domain.id, free.identity_id) == free
    await store.delete_gone_users([UserId(domain.id, "u1")])
    assert await store.insert_open_account(wanted, NOW)
    assert await store.update_open_account(replace(free, user_id="u1"), NOW) == 2


async def test_an_open_account_that_races_with_its_users_end_is_nobodys_or_refused(
    store: Store, domain: Domain, account_dsn: str
) -> None:
    """Many rounds, some who make and some who tie until they are refused: whichever comes first, no tie is left."""
    given = {"made": 0, "tied": 0}

    async def make(user_id: str) -> None:
        while True:
            try:
                await open_account(store, domain, user_id)
            except NotFoundLinkUser:
                return
            given["made"] += 1

    async def tie(user_id: str) -> None:
        while True:
            free = await open_account(store, domain, "")
            try:
                await store.update_open_account(replace(free, user_id=user_id), NOW)
            except NotFoundLinkUser:
                return
            given["tied"] += 1

    async def end(user_id: str) -> None:
        await asyncio.sleep(random.random() * 0.02)
        await store.forget_users([UserId(domain.id, user_id)], datetime.now(UTC))

    connection = await asyncpg.connect(account_dsn)
    async with asyncio.timeout(100):
        for number in range(100):
            user_id = f"u{number}"
            calls = [make(user_id) for _ in range(4)] + [tie(user_id) for _ in range(3)]
            await asyncio.gather(*calls, end(user_id))
            query = "select count(*) from account.open_account where domain_id = $1 and user_id = $2"
            assert await connection.fetchval(query, domain.id, user_id) == 0
    await connection.close()
    assert min(given.values()) > 0


async def test_who_ends_several_at_once_waits_for_nobody_in_a_circle(store: Store, domain: Domain) -> None:
    users = [UserId(domain.id, f"u{number}") for number in range(30)]

    async def end(seed: int) -> None:
        for _ in range(5):
            some = random.Random(seed).sample(users, 20)
            await store.forget_users(some, datetime.now(UTC))
            await store.delete_gone_users(some)

    async def link() -> None:
        for user in users:
            await linked(store, domain.id, normalise("custom", named()), user.user_id, NOW)

    await asyncio.gather(*(end(seed) for seed in range(6)), *(link() for _ in range(6)))


async def test_users_whom_rows_name_come_in_pages_and_once(store: Store, domain: Domain) -> None:
    await linked(store, domain.id, normalise("custom", "a"), "u1", NOW)
    await linked(store, domain.id, normalise("custom", "b"), "u1", NOW)
    await linked(store, domain.id, normalise("custom", "c"), "u3", NOW)
    for user_id in ("u1", "u2", "u4", ""):
        await open_account(store, domain, user_id)
    found, last = [], UserId(domain.id, "")
    while len(page := await store.select_known_users(last, 2)) == 2:
        found += page
        last = page[-1]
    ours = [user.user_id for user in [*found, *page] if user.domain_id == domain.id]
    assert ours == ["u1", "u2", "u3", "u4"]


async def test_one_process_follows_at_a_time(store: Store, account_dsn: str) -> None:
    """And what it does, it does only while it is the one."""
    mine, theirs = uuid7(NOW), uuid7(NOW)
    later = datetime.now(UTC) + timedelta(days=1000)
    until = later + timedelta(seconds=3)
    # Nobody else's for so long: the service that runs on this database stands by meanwhile.
    assert await store.follow(mine, later, until) is not None
    try:
        assert await store.follow(theirs, later, until) is None
        assert await store.lock_followed(theirs) is None
        assert await store.lock_followed(mine) is not None
        assert await store.follow(theirs, until, until + timedelta(seconds=3)) is not None
        assert await store.lock_followed(mine) is None
        await store.unfollow(mine, later)
        assert await store.follow(mine, later, until) is None
    finally:
        await store.unfollow(theirs, datetime.now(UTC))
