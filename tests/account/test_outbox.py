"""The outbox: what was ordered of token is done, whoever dies and whoever is away; with real processes."""

import asyncio
import os
import random
import re
import sys
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import httpx
import pytest
import pytest_asyncio
from tessera.token.v1 import user_service_pb2

from services.account.model import Order
from services.account.store import Store
from services.runtime.db import connected
from services.runtime.ids import uuid7
from tests.account.running import VAULT, Account, running_account
from tests.account.whole_users import WholeUsers, identity_of, tables, until, whole_users_of
from tests.support.calls import SERVING, refused, until_health
from tests.support.databases import Databases
from tests.support.ports import free_ports
from tests.support.token import DOMAIN, Founded, serving

# Later than any worker is at it.
NOW = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Killable:
    """An account service that is a process of its own."""

    whole_users: WholeUsers
    process: asyncio.subprocess.Process
    metrics: int

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()

    async def oldest_seconds(self) -> float:
        """How long the oldest order has waited, as the process tells."""
        async with httpx.AsyncClient() as http:
            text = (await http.get(f"http://127.0.0.1:{self.metrics}/metrics")).text
        found = re.search(r"^tessera_outbox_oldest_seconds (\S+)$", text, re.MULTILINE)
        assert found, text
        return float(found[1])


class Launcher:
    """Starts account processes on one database, one after the other."""

    def __init__(self, dsn: str, state: Path, whole_users: WholeUsers) -> None:
        self.dsn, self._state, self._whole_users = dsn, state, whole_users

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Killable]:
        port, metrics = free_ports(2)
        identity = identity_of(self._whole_users.token)
        environ = {
            "TESSERA_LISTEN": f"127.0.0.1:{port}",
            "TESSERA_METRICS_LISTEN": f"127.0.0.1:{metrics}",
            "TESSERA_DSN": self.dsn,
            "TESSERA_STATE_DIR": str(self._state),
            "TESSERA_TOKEN_ADDRESS": str(self._whole_users.token.settings.listen[0]),
            "TESSERA_CLIENT_ID": identity["client_id"],
            "TESSERA_CLIENT_KEY": identity["client_key"],
            "TESSERA_MASTER_KEY": "A" * 43 + "=",
            "TESSERA_DOMAIN_ID": identity["domain_id"],
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.account", "serve", env=os.environ | environ
        )
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, tables(self.dsn) as database:
                await _until_it_serves(channel)
                seen = replace(
                    self._whole_users, account=Account(channel), store=Store(database, VAULT), database=database
                )
                yield Killable(seen, process, metrics)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _until_it_serves(channel: grpc.aio.Channel) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                return await until_health(channel, SERVING)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE, error  # noqa: PT017 not there yet
                await asyncio.sleep(0.1)


@pytest.fixture
def launcher(databases: Databases, whole_users: WholeUsers, tmp_path: Path) -> Launcher:
    return Launcher(databases.fresh("account"), tmp_path, whole_users)


@asynccontextmanager
async def held_at_token(whole_users: WholeUsers, user_id: str) -> AsyncIterator[None]:
    """Token tells of a user, and changes nothing of it: who would waits."""
    async with connected(whole_users.token.settings.dsn) as connection, connection.transaction():
        await connection.execute(
            "select from token.app_user where domain_id = $1 and user_id = $2 for update", DOMAIN, user_id
        )
        yield


async def nobody_waits_at_token(whole_users: WholeUsers) -> None:
    """Wait until calls whose caller died have been given up."""

    async def none() -> bool:
        return not await database.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )

    async with whole_users.token.database() as database:
        await until(none)


async def settled(whole_users: WholeUsers, user_id: str) -> bool:
    return await whole_users.orders(user_id) == []


async def is_there(whole_users: WholeUsers, user_id: str) -> bool:
    """Whether token has a user."""
    request = user_service_pb2.UserServiceGetUserRequest(user_id=user_id)
    try:
        await whole_users.token.users.GetUser(request, metadata=whole_users.caller)
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.NOT_FOUND, error  # noqa: PT017 no other may pass
        return False
    return True


async def test_a_merge_whose_process_is_killed_before_token_did_its_part(launcher: Launcher) -> None:
    async with launcher.running() as first:
        both = first.whole_users
        one, other = await both.token.user(), await both.token.user()
        identities = await both.linked(one, 3)
        begun = await both.session(one)
        async with held_at_token(both, one):
            call = asyncio.ensure_future(both.merge(one, other).code())
            await until(lambda: both.orders(one))
            assert await both.links_of(other) == identities
            await first.kill()
            assert await call is grpc.StatusCode.UNAVAILABLE
            await nobody_waits_at_token(both)
        assert await both.orders(one) == ["end_sessions"]
        assert await both.lives(begun)
    async with launcher.running() as second:
        await until(lambda: settled(second.whole_users, one))
        assert await second.whole_users.links_of(other) == identities
        assert not await second.whole_users.lives(begun)


async def test_an_erasure_whose_process_is_killed_before_token_did_its_part(launcher: Launcher) -> None:
    async with launcher.running() as first:
        both = first.whole_users
        user_id = await both.token.user()
        identities = await both.linked(user_id, 2)
        async with held_at_token(both, user_id):
            call = asyncio.ensure_future(both.erase(user_id).code())
            await until(lambda: both.orders(user_id))
            await first.kill()
            assert await call is grpc.StatusCode.UNAVAILABLE
            await nobody_waits_at_token(both)
        assert await is_there(both, user_id)
        assert await both.links_of(user_id) == identities
    async with launcher.running() as second:
        await until(lambda: settled(second.whole_users, user_id))
        assert not await is_there(both, user_id)
        assert await second.whole_users.links_of(user_id) == []


async def test_an_erasure_whose_process_is_killed_after_token_did_its_part(launcher: Launcher) -> None:
    async with launcher.running() as first:
        both = first.whole_users
        await both.token.push_app()
        user_id = await both.token.user()
        (identity,) = await both.linked(user_id)
        async with _no_link_changes(launcher):
            call = asyncio.ensure_future(both.erase(user_id).code())
            await until(lambda: _is_gone(both, user_id))
            await first.kill()
            assert await call is grpc.StatusCode.UNAVAILABLE
        assert await both.links_of(user_id) == [identity]
        assert await both.orders(user_id) == ["erase"]
    async with launcher.running() as second:
        await until(lambda: settled(second.whole_users, user_id))
        assert await second.whole_users.links_of(user_id) == []
        # Who did not hear the answer asks again.
        answer = await second.whole_users.erase(user_id)
        assert {bound.account for bound in answer.bound_accounts} == {user_id, identity}


async def _is_gone(whole_users: WholeUsers, user_id: str) -> bool:
    return not await is_there(whole_users, user_id)


@asynccontextmanager
async def _no_link_changes(launcher: Launcher) -> AsyncIterator[None]:
    """Whoever would take a link away waits."""
    async with connected(launcher.dsn) as connection, connection.transaction():
        await connection.execute("lock table account.link in share mode")
        yield


async def test_killed_at_any_moment_a_merge_is_whole_or_never_was(launcher: Launcher) -> None:
    merged: list[tuple[str, str, list[str], object]] = []
    for _ in range(2):
        async with launcher.running() as account:
            both = account.whole_users
            for _ in range(5):
                one, other = await both.token.user(), await both.token.user()
                merged.append((one, other, await both.linked(one, 3), await both.session(one)))
            calls = [asyncio.ensure_future(both.merge(*each[:2]).code()) for each in merged[-5:]]
            await asyncio.sleep(random.random() / 10)
            await account.kill()
            await asyncio.gather(*calls)
    async with launcher.running() as account:
        both = account.whole_users
        for one, other, identities, begun in merged:
            await until(lambda one=one: settled(both, one))
            found = (await both.links_of(one), await both.links_of(other), await both.lives(begun))
            assert found in (([], identities, False), (identities, [], True))


async def test_the_oldest_orders_age_is_told(launcher: Launcher) -> None:
    async with launcher.running() as account:
        both = account.whole_users
        one, other = await both.token.user(), await both.token.user()

        async def waits() -> bool:
            return await account.oldest_seconds() > 1

        async def none_waits() -> bool:
            return await account.oldest_seconds() == 0

        async with held_at_token(both, one):
            await refused(both.merge(one, other), "UNAVAILABLE")
            await until(waits)
        await until(none_waits)


async def test_what_is_ordered_while_token_hangs_is_done_when_it_goes_on(whole_users: WholeUsers) -> None:
    one, other = await whole_users.token.user(), await whole_users.token.user()
    identities = await whole_users.linked(one, 2)
    begun = await whole_users.session(one)
    async with held_at_token(whole_users, one):
        for _ in range(2):
            started = time.monotonic()
            async with asyncio.timeout(20):
                refusal = await refused(whole_users.merge(one, other), "UNAVAILABLE")
            assert "token service" in refusal.message
            assert time.monotonic() - started > 1.5
        assert await whole_users.links_of(other) == identities
    async with asyncio.timeout(30):
        await until(lambda: settled(whole_users, one))
    assert not await whole_users.lives(begun)
    answer = await whole_users.merge(one, other)
    assert answer.moved_links == 0


@pytest_asyncio.fixture
async def without_token(
    databases: Databases, founded: Founded, tmp_path: Path
) -> AsyncIterator[tuple[WholeUsers, AsyncExitStack]]:
    """Both services, and what stops token, and starts it again where it was."""
    settings = founded.copied(tmp_path)
    dsn = databases.fresh("account")
    (tmp_path / "account").mkdir()
    async with AsyncExitStack() as stack, AsyncExitStack() as first:
        token = await first.enter_async_context(serving(settings, founded.made))
        account = await stack.enter_async_context(
            running_account(dsn, tmp_path / "account", settings.listen[0], **identity_of(token))
        )
        database = await stack.enter_async_context(tables(dsn))
        yield await whole_users_of(account, token, database), first


async def test_while_token_is_away_nothing_moves_and_an_erasure_is_kept(
    without_token: tuple[WholeUsers, AsyncExitStack],
) -> None:
    both, token = without_token
    one, other, third = [await both.token.user() for _ in range(3)]
    mine, theirs = await both.linked(one), await both.linked(third)
    begun = await both.session(third)
    await token.aclose()
    async with asyncio.timeout(20):
        refusals = await asyncio.gather(
            refused(both.merge(one, other), "UNAVAILABLE"),
            refused(both.erase(third), "UNAVAILABLE"),
            refused(both.export(third), "UNAVAILABLE"),
        )
    assert all("token service" in refusal.message for refusal in refusals)
    assert (await both.links_of(one), await both.links_of(third)) == (mine, theirs)
    assert (await both.orders(one), await both.orders(third)) == ([], ["erase"])
    async with serving(both.token.settings, both.token.made) as back:
        both = replace(both, token=back)
        await until(lambda: settled(both, third))
        assert await both.links_of(third) == []
        assert not await is_there(both, third)
        assert not await both.lives(begun)
        # The other call is as good as never made.
        assert (await both.merge(one, other)).moved_links == 1


def order(user_id: str, *roles: str, now: datetime = NOW) -> Order:
    return Order(DOMAIN, user_id, "erase", uuid7(now), "test", ordered_at=now, roles=roles)


@pytest.fixture
def user_id() -> str:
    return uuid.uuid4().hex


async def test_of_20_workers_one_gets_an_order(store: Store, user_id: str) -> None:
    mine = order(user_id, "user")
    await store.insert_order(mine, NOW)
    claims = await asyncio.gather(*(store.claim_order(mine, NOW, NOW + timedelta(seconds=5)) for _ in range(20)))
    assert sum(claims) == 1
    # Its process died.
    assert await store.claim_order(mine, NOW + timedelta(seconds=5), NOW + timedelta(seconds=10))
    await store.delete_order(mine)


async def test_an_order_that_came_again_is_not_struck_off_with_the_first(store: Store, user_id: str) -> None:
    first, again = order(user_id, "user"), order(user_id, "user", now=NOW + timedelta(seconds=1))
    await store.insert_order(first, NOW)
    await store.insert_order(again, NOW)
    await store.delete_order(first)
    assert not await store.claim_order(first, NOW, NOW)
    assert await store.claim_order(again, NOW, NOW)
    await store.delete_order(again)
    assert not await store.claim_order(again, NOW, NOW)


async def test_who_reaches_less_takes_no_order_away(store: Store, user_id: str) -> None:
    wide, narrow = order(user_id, "user", "admin"), order(user_id, "user")
    await store.insert_order(wide, NOW)
    await store.insert_order(narrow, NOW)
    await store.delete_order(narrow)
    assert await store.claim_order(wide, NOW, NOW)
    await store.delete_order(wide)
