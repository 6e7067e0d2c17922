"""Account without token: what it has it serves, linking says what is away, in bounded time, and links nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest_asyncio
from tessera.account.v1 import account_service_pb2

from services.account.model import normalise
from services.account.store import Store
from services.runtime.env import Address
from tests.account.callers import Domain, keep_keys
from tests.account.running import Account, running_account
from tests.support.calls import NOT_SERVING, SERVING, Metadata, refused, until_health
from tests.support.ports import free_ports


def link(account: Account, caller: Metadata) -> object:
    return account.links.LinkAccount(
        account_service_pb2.LinkAccountRequest(user_id="u1", type="ding", identity="eyy***"), metadata=caller
    )


class Silence(grpc.GenericRpcHandler):
    """Takes every call and answers none: a token service that hangs."""

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_unary_rpc_method_handler(self._never)

    @staticmethod
    async def _never(_request: bytes, _context: grpc.aio.ServicerContext) -> None:
        await asyncio.Event().wait()


@pytest_asyncio.fixture
async def silent() -> AsyncIterator[Address]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([Silence()])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield Address("127.0.0.1", port)
    await server.stop(0)


async def test_linking_says_what_is_away_and_links_nothing(alone: Account, store: Store, domain: Domain) -> None:
    async with asyncio.timeout(15):
        refusal = await refused(link(alone, domain.access_key("account.link", "token.impersonate")), "UNAVAILABLE")
    assert "token service" in refusal.message
    assert await store.select_link(domain.id, normalise("ding", "eyy***")) is None


async def test_a_token_service_that_hangs_is_waited_for_in_bounded_time(
    account_dsn: str, tmp_path: Path, silent: Address, domain: Domain
) -> None:
    keep_keys(tmp_path, [domain.id])
    async with running_account(account_dsn, tmp_path, silent) as account:
        caller = domain.access_key("account.link", "token.impersonate")
        started = time.monotonic()
        async with asyncio.timeout(30):
            await asyncio.gather(*(refused(link(account, caller), "UNAVAILABLE") for _ in range(50)))
        assert time.monotonic() - started > 1.5
        # The others are answered meanwhile.
        request = account_service_pb2.GetLinkInfoByUserIdRequest(user_id="u1")
        meanwhile = False
        async with asyncio.timeout(60):
            while not meanwhile:  # on a busy machine one answer may come late
                pending = asyncio.create_task(refused(link(account, caller), "UNAVAILABLE"))
                await account.links.GetLinkInfoByUserId(request, metadata=caller)
                meanwhile = not pending.done()
                await pending


async def test_what_gives_power_is_refused_while_nobody_tells_what_is_revoked(
    account_dsn: str, tmp_path: Path, domain: Domain
) -> None:
    keep_keys(tmp_path, [domain.id])
    async with running_account(account_dsn, tmp_path, Address("127.0.0.1", free_ports(1)[0])) as account:
        await until_health(account.channel, SERVING)
        caller = domain.access_key("account.link")
        unlink = account_service_pb2.UnlinkAccountRequest(user_id="u1", type="ding", identity="eyy***")
        refusal = await refused(account.links.UnlinkAccount(unlink, metadata=caller), "UNAVAILABLE")
        assert "token service" in refusal.message
        # The rest goes on.
        request = account_service_pb2.GetLinkInfoByUserIdRequest(user_id="u1")
        await account.links.GetLinkInfoByUserId(request, metadata=caller)


async def test_with_kept_keys_it_is_ready(alone: Account) -> None:
    await until_health(alone.channel, SERVING)


async def test_without_keys_it_is_not_ready_and_says_so(account_dsn: str, tmp_path: Path, domain: Domain) -> None:
    async with running_account(account_dsn, tmp_path, Address("127.0.0.1", free_ports(1)[0])) as account:
        await until_health(account.channel, NOT_SERVING)
        refusal = await refused(link(account, domain.access_key("account.link", "token.impersonate")), "UNAVAILABLE")
        assert "token service" in refusal.message
        await until_health(account.channel, NOT_SERVING)
