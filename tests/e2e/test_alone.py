"""A service started alone by its own command: it serves what it can, says what it cannot, and recovers by itself.

Token needs nobody, once it has its schema and its first domain: see test_unmigrated.py.
"""

import asyncio
from pathlib import Path

import grpc
import pytest
from tessera.account.v1 import account_service_pb2, account_service_pb2_grpc
from tessera.binding.v1 import binding_service_pb2, binding_service_pb2_grpc

from deploy.local.home import Home
from services.token.identities import Identities
from tests.support import keys
from tests.support.calls import NOT_SERVING, SERVING, Metadata, bearer, refusal_in, refused, until_health
from tests.support.databases import Databases
from tests.support.machine import Machine
from tests.support.token_client import TokenClient


@pytest.fixture
def machine(databases: Databases, tmp_path: Path) -> Machine:
    return Machine(Home(tmp_path), databases)


async def test_binding_waits_for_its_first_keys_and_then_needs_nobody(machine: Machine) -> None:
    await machine.bootstrap()
    request = binding_service_pb2.BatchOperateAccountsRequest(operator_type=4, token_list=["t"])
    async with machine.running("binding") as channel:
        binding = binding_service_pb2_grpc.BindingServiceStub(channel)
        await machine.says("binding", "not ready", "token service away, and no keys kept from before")
        await until_health(channel, NOT_SERVING)
        # Somebody may have signed this: without any key it cannot be told.
        somebody = keys.caller("binding.write")
        refusal = await refused(binding.BatchOperateAccounts(request, metadata=somebody), "UNAVAILABLE")
        assert refusal.code == grpc.StatusCode.UNAVAILABLE
        assert "token service" in refusal.message
        async with machine.running("token") as token:
            await until_health(token, SERVING)
            await until_health(channel, SERVING)
            await refused(binding.BatchOperateAccounts(request, metadata=somebody), "UNAUTHENTICATED")
            client = TokenClient(token, Identities.read(machine.home.identities).as_json())
            caller = bearer(await client.push_token((await client.push_app()).access_id))
            assert (await binding.BatchOperateAccounts(request, metadata=caller)).ret_code == 0
        assert (await binding.BatchOperateAccounts(request, metadata=caller)).ret_code == 0
    async with machine.running("binding") as channel:
        await until_health(channel, SERVING)
        again = binding_service_pb2_grpc.BindingServiceStub(channel)
        assert (await again.BatchOperateAccounts(request, metadata=caller)).ret_code == 0


async def test_account_looks_up_without_token_and_links_with_it(machine: Machine) -> None:
    await machine.bootstrap()
    identity = {"type": "custom", "identity": "someone"}
    async with machine.running("account") as channel:
        account = account_service_pb2_grpc.AccountServiceStub(channel)
        await machine.says("account", "not ready", "token service away, and no keys kept from before")
        await until_health(channel, NOT_SERVING)
        async with machine.running("token") as token:
            await until_health(channel, SERVING)
            client = TokenClient(token, Identities.read(machine.home.identities).as_json())
            caller, user_id = await client.operator(), await client.user()
            link = account_service_pb2.LinkAccountRequest(user_id=user_id, **identity)
            await until_linked(account, link, caller)
        lookup = account_service_pb2.GetLinkInfoRequest(**identity)
        assert (await account.GetLinkInfo(lookup, metadata=caller)).user_id == user_id
        refusal = await refused(account.LinkAccount(link, metadata=caller), "UNAVAILABLE")
        assert refusal.code == grpc.StatusCode.UNAVAILABLE
        assert "token service" in refusal.message
        async with machine.running("token"):
            await until_linked(account, link, caller)


async def until_linked(
    account: account_service_pb2_grpc.AccountServiceStub, link: account_service_pb2.LinkAccountRequest, caller: Metadata
) -> None:
    """Link as soon as account has found token again, which it looks for about once a second."""
    async with asyncio.timeout(15):
        while True:
            try:
                assert (await account.LinkAccount(link, metadata=caller)).user_id == link.user_id
            except grpc.aio.AioRpcError as away:
                assert refusal_in(away).code == grpc.StatusCode.UNAVAILABLE  # noqa: PT017 tried again
                await asyncio.sleep(0.1)
            else:
                return
