"""Who is deleted at token has no links at account: with the real token service, whichever is away meanwhile."""

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import grpc
import pytest
import pytest_asyncio
from tessera.account.v1 import account_service_pb2

from services.account.model import OpenAccount, normalise
from services.account.store import PARTITIONED, Store
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.env import Address
from services.runtime.partitions import Partitions
from tests.account.linking import linked
from tests.account.running import VAULT, Account, running_account
from tests.support.calls import Metadata, refusal_in
from tests.support.databases import Databases
from tests.support.ports import free_ports
from tests.support.token import DOMAIN, Founded, Running, serving, settings_of

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
# A second, and more for a busy machine.
SOON = 5


@dataclass
class Place:
    """A token service, and an account database on which any number of account services can be run."""

    token: Running
    dsn: str
    store: Store
    folder: Path

    @asynccontextmanager
    async def account(self, name: str = "account", reached_at: Address | None = None) -> AsyncIterator[Account]:
        identity = self.token.made["account"]
        async with running_account(
            self.dsn,
            self.folder / name,
            reached_at or self.token.settings.listen[0],
            client_id=identity["client_id"],
            client_key=identity["private_key_pem"],
            domain_id=DOMAIN,
        ) as account:
            yield account

    async def linked_user(self) -> str:
        """A user with a link."""
        user_id = await self.token.user()
        assert await linked(self.store, DOMAIN, normalise("custom", uuid.uuid4().hex), user_id, NOW)
        return user_id

    async def links(self, user_id: str) -> int:
        return len(await self.store.select_links_of_user(DOMAIN, user_id))

    async def until_none(self, *user_ids: str) -> float:
        """Wait until these have no links; answers how long that took."""
        started = time.monotonic()
        async with asyncio.timeout(30):
            for user_id in user_ids:
                while await self.links(user_id):
                    await asyncio.sleep(0.01)
        return time.monotonic() - started

    async def until_followed(self) -> str:
        """Wait until account has a cursor; answers it."""
        async with asyncio.timeout(30):
            while not (cursor := await self.sql("select cursor from account.followed_feed where cursor <> ''")):
                await asyncio.sleep(0.05)
        return str(cursor)

    async def sql(self, statement: str) -> object:
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def placed(databases: Databases, token: Running, folder: Path) -> AsyncIterator[Place]:
    """A new account database beside a token service."""
    dsn = databases.fresh("account")
    database = Database(dsn, service="test", pool_size=10, statement_timeout=timedelta(seconds=10), clock=Clock())
    await database.start()
    await Partitions(dsn, Clock(), PARTITIONED).attach()
    yield Place(token, dsn, Store(database, VAULT), folder)
    await database.close()


@pytest_asyncio.fixture
async def place(databases: Databases, founded: Founded, tmp_path: Path) -> AsyncIterator[Place]:
    async with serving(founded.copied(tmp_path), founded.made) as token, placed(databases, token, tmp_path) as made:
        yield made


@pytest.fixture
def _nothing_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that need not wait for calls: none is under way."""
    monkeypatch.setattr("services.account.user_follower.UNDER_WAY", timedelta(0))


async def test_links_and_ties_are_gone_within_a_second(place: Place) -> None:
    async with place.account():
        await place.until_followed()
        user_id, other = await place.linked_user(), await place.linked_user()
        await place.store.insert_project(DOMAIN, "p1", "Ours", NOW)
        tied = OpenAccount(DOMAIN, uuid.uuid4(), "p1", "ALIOS", "12345", user_id, "", "", "", "", "AK1")
        await place.store.insert_open_account(tied, NOW)
        await place.token.delete_user(user_id)
        took = await place.until_none(user_id)
        print("took", took)
        assert took < SOON
        assert (await place.store.select_open_account(DOMAIN, tied.identity_id)).user_id == ""
        assert await place.links(other) == 1


async def test_who_is_made_anew_with_an_id_begins_anew_and_is_linked(place: Place) -> None:
    async with place.account():
        await place.until_followed()
        user_id = await place.linked_user()
        for _ in range(3):
            await place.token.delete_user(user_id)
            assert await place.until_none(user_id) < SOON
            await place.token.user(user_id=user_id)
            async with asyncio.timeout(SOON):
                while not await linked(place.store, DOMAIN, normalise("custom", "x"), user_id, NOW):
                    await asyncio.sleep(0.01)


async def test_who_is_deleted_while_account_is_down_has_no_links_when_it_is_back(place: Place) -> None:
    async with place.account():
        before = await place.until_followed()
    user_id, again = await place.linked_user(), await place.linked_user()
    await place.token.delete_user(user_id)
    await place.token.delete_user(again)
    await place.token.user(user_id=again)
    assert await place.links(user_id) == 1
    async with place.account():
        assert await place.until_none(user_id, again) < 2 * SOON
        # He is there again, and may be linked to.
        assert await linked(place.store, DOMAIN, normalise("custom", "x"), again, NOW)
        assert await place.until_followed() != before


async def test_token_goes_and_comes_back(databases: Databases, founded: Founded, tmp_path: Path) -> None:
    """Who is deleted meanwhile, by another of its processes, loses its links when account hears of it."""
    settings, made = founded.copied(tmp_path), founded.made
    elsewhere = settings_of(settings.dsn, tmp_path / "elsewhere")
    async with AsyncExitStack() as stack:
        token = AsyncExitStack()
        first = await token.enter_async_context(serving(settings, made))
        place = await stack.enter_async_context(placed(databases, first, tmp_path))
        await stack.enter_async_context(place.account())
        await place.until_followed()
        for _ in range(2):
            user_id = await place.linked_user()
            await token.aclose()
            async with serving(elsewhere, made) as other:
                await other.delete_user(user_id)
            assert await place.links(user_id) == 1
            place.token = await token.enter_async_context(serving(settings, made))
            assert await place.until_none(user_id) < 2 * SOON
        await token.aclose()


async def test_two_account_processes_follow_as_one(place: Place) -> None:
    async with AsyncExitStack() as stack:
        first = AsyncExitStack()
        await first.enter_async_context(place.account("one"))
        await stack.enter_async_context(place.account("two"))
        await place.until_followed()
        users = [await place.linked_user() for _ in range(20)]
        for user_id in users[:10]:
            await place.token.delete_user(user_id)
        assert await place.until_none(*users[:10]) < SOON
        holder = await place.sql("select holder from account.followed_feed")
        await first.aclose()
        for user_id in users[10:]:
            await place.token.delete_user(user_id)
        assert await place.until_none(*users[10:]) < SOON
        assert await place.sql("select holder from account.followed_feed") != holder
        # Each end was told once, whoever did it.
        told = await place.sql("select count(*) from account.link_event where kind = 'unlinked'")
        assert told == 20


async def test_who_cannot_reach_token_keeps_nobody_from_following(place: Place) -> None:
    async with place.account("cut off", Address("127.0.0.1", free_ports(1)[0])):
        # It holds the feed first.
        async with asyncio.timeout(SOON):
            while not await place.sql("select holder from account.followed_feed"):
                await asyncio.sleep(0.01)
        async with place.account():
            await place.until_followed()
            users = [await place.linked_user() for _ in range(5)]
            for user_id in users:
                await place.token.delete_user(user_id)
                assert await place.until_none(user_id) < SOON


async def test_who_followed_and_was_killed_is_followed_by_another(place: Place) -> None:
    """Without a word: what it held expires in seconds."""
    async with place.account():
        await place.until_followed()
    await place.store.follow(uuid.uuid4(), Clock().now(), Clock().now() + timedelta(seconds=3))
    user_id = await place.linked_user()
    await place.token.delete_user(user_id)
    async with place.account():
        assert await place.until_none(user_id) < 3 + SOON


@pytest.mark.usefixtures("_nothing_under_way")
@pytest.mark.parametrize("cursor", ["", "no cursor at all", "WzEsImFub3RoZXIiLCI1Ojk6IiwxMCxudWxsLDBd"])
async def test_where_there_is_no_cursor_to_go_on_from_all_are_looked_up(
    place: Place, cursor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first start of this version, after a cursor that a later version wrote, with one of another database."""
    monkeypatch.setattr("services.account.user_sweep._AT_ONCE", 3)
    if cursor:
        async with place.account():
            await place.until_followed()
        await place.sql(f"update account.followed_feed set cursor = '{cursor}'")
    users = [await place.linked_user() for _ in range(10)]
    await linked(place.store, "elsewhere", normalise("custom", "x"), users[0], NOW)
    for user_id in users[::2]:
        await place.token.delete_user(user_id)
    async with place.account():
        await place.until_none(*users[::2])
        async with asyncio.timeout(SOON):
            while await place.store.select_links_of_user("elsewhere", users[0]):
                await asyncio.sleep(0.01)
            while not await place.sql("select true from account.followed_feed where sweep_at > now() + '29 days'"):
                await asyncio.sleep(0.01)
        assert [await place.links(user_id) for user_id in users[1::2]] == [1] * 5
        # And it is followed from there on.
        await place.token.delete_user(users[1])
        assert await place.until_none(users[1]) < SOON


async def test_a_link_that_races_with_its_users_end_never_stays(place: Place) -> None:
    """LinkAccount itself, many rounds: a link that was answered as made, or refused, but none of a user who is gone."""
    caller = await place.token.caller("account.link", "token.impersonate")
    async with place.account() as account:
        await place.until_followed()
        users = [await place.token.user() for _ in range(30)]
        operator = await place.token.operator()
        ends = await asyncio.gather(*(race(place, account, caller, operator, user_id) for user_id in users))
        async with asyncio.timeout(30):
            while await place.sql("select count(*) from account.gone_user") != len(users):
                await asyncio.sleep(0.05)
        assert [user_id for user_id in users if await place.links(user_id)] == []
    assert {"linked", "NOT_FOUND_LINK_USER"} <= set().union(*ends)


async def race(place: Place, account: Account, caller: Metadata, operator: Metadata, user_id: str) -> set[str]:
    """Link, delete in the middle of it, and go on linking; how the links ended."""
    ends = set()

    async def link() -> None:
        request = account_service_pb2.LinkAccountRequest(user_id=user_id, type="custom", identity=uuid.uuid4().hex)
        try:
            await account.links.LinkAccount(request, metadata=caller)
        except grpc.aio.AioRpcError as error:
            ends.add(refusal_in(error).reason)
        else:
            ends.add("linked")

    async def delete() -> None:
        await asyncio.sleep(random.random() * 0.1)
        await place.token.delete_user(user_id)

    await link()
    deleting = asyncio.create_task(delete())
    for _ in range(5):
        await link()
    await deleting
    await link()
    return ends
