"""A channel whose certificates are replaced: calls that are under way are none the worse for it."""

import asyncio
import gc
from pathlib import Path

import grpc
import pytest
from tessera.account.v1.account_service_pb2 import GetLinkInfoRequest
from tessera.account.v1.account_service_pb2_grpc import AccountServiceStub
from tessera.client import AccessTokens, Certificates, ClientSecret, errors, open_channel
from tessera.token.v1.token_pb2 import Token

from deploy.certificates import make_authority
from services.runtime.tls import server_credentials
from tests.client.answering import Answering
from tests.support.certificates import certified

OURS = make_authority()
REQUEST = GetLinkInfoRequest(type="mobile", identity="13900001234")


async def test_a_call_that_waits_for_its_access_token_is_made_on_the_channel_before(
    server: Answering, tmp_path: Path
) -> None:
    """The last that has it: nobody else keeps it open."""
    folder = certified(tmp_path / "client", OURS, "gateway")
    tls = Certificates(folder, "account")
    proven = server_credentials(certified(tmp_path / "server", OURS, "account"))
    asked, allowed = asyncio.Event(), asyncio.Event()

    async def issue(_context: grpc.aio.ServicerContext) -> bytes:
        asked.set()
        await allowed.wait()
        return Token(access_token="late", expires_in=7200).SerializeToString()

    server.answers = [issue]
    async with Answering(credentials=proven) as account, open_channel(server.address) as token:
        access_tokens = AccessTokens(token, ClientSecret("one", "secret"))
        async with open_channel(account.address, access_tokens=access_tokens, tls=tls) as channel:
            stub = AccountServiceStub(channel)
            waiting = asyncio.ensure_future(stub.GetLinkInfo(REQUEST))
            await asked.wait()
            certified(folder, OURS, "gateway")
            await stub.GetLinkInfo(REQUEST, metadata=(("authorization", "Bearer own"),))
            gc.collect()
            allowed.set()
            await waiting
    assert [seen.metadata["authorization"] for seen in account.seen] == ["Bearer own", "Bearer late"]


async def test_files_that_are_gone_change_nothing_and_a_closed_channel_stays_closed(tmp_path: Path) -> None:
    folder = certified(tmp_path / "client", OURS, "gateway")
    proven = server_credentials(certified(tmp_path / "server", OURS, "account"))
    async with Answering(credentials=proven) as account:
        async with open_channel(account.address, tls=Certificates(folder, "account")) as channel:
            stub = AccountServiceStub(channel)
            (folder / "tls.key").rename(folder / "elsewhere")
            await stub.GetLinkInfo(REQUEST)
        certified(folder, OURS, "gateway")
        with pytest.raises(grpc.aio.UsageError):
            await stub.GetLinkInfo(REQUEST)
    with pytest.raises(FileNotFoundError):
        open_channel(account.address, tls=Certificates(tmp_path / "nowhere", "account"))


async def test_the_certificate_that_is_new_is_the_one_that_is_shown(tmp_path: Path) -> None:
    folder = certified(tmp_path / "client", make_authority(), "gateway", OURS)
    proven = server_credentials(certified(tmp_path / "server", OURS, "account"))
    async with (
        Answering(credentials=proven) as account,
        open_channel(account.address, tls=Certificates(folder, "account"), retry=False) as channel,
    ):
        stub = AccountServiceStub(channel)
        with pytest.raises(errors.Unavailable):
            await stub.GetLinkInfo(REQUEST)
        certified(folder, OURS, "gateway")
        await stub.GetLinkInfo(REQUEST)
