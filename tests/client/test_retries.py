"""Calls that are made again: what is away and may be repeated, nothing else, and no longer than the caller waits."""

import asyncio
import time

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodOptions
from tessera.account.v1.account_service_pb2 import GetLinkInfoRequest
from tessera.account.v1.account_service_pb2_grpc import AccountServiceStub
from tessera.client import errors, open_channel
from tessera.client.retries import methods
from tessera.token.v1.token_service_pb2 import ListVerificationKeysRequest
from tessera.token.v1.token_service_pb2_grpc import KeyServiceStub

from tests.client.answering import Answering, refuse
from tests.contract.test_protos import IMAGE
from tests.support.ports import free_ports

AWAY = refuse(grpc.StatusCode.UNAVAILABLE, "Try again.")


def call(channel: grpc.aio.Channel, method: MethodDescriptor) -> grpc.aio.UnaryUnaryCall:
    """An empty request of any RPC."""
    request, answer = (message_factory.GetMessageClass(each) for each in (method.input_type, method.output_type))
    path = f"/{method.containing_service.full_name}/{method.name}"
    return channel.unary_unary(path, request.SerializeToString, answer.FromString)(request())


@pytest.mark.parametrize("method", list(methods()), ids=lambda method: method.name)
async def test_an_rpc_is_repeated_where_the_contract_says_it_may_be(
    server: Answering, method: MethodDescriptor
) -> None:
    server.answers = [AWAY]
    async with open_channel(server.address) as channel:
        if method.GetOptions().idempotency_level == MethodOptions.IDEMPOTENCY_UNKNOWN:
            with pytest.raises(errors.Unavailable):
                await call(channel, method)
            assert len(server.seen) == 1
        else:
            await call(channel, method)
            assert len(server.seen) == 2
            assert len({seen.metadata["x-request-id"] for seen in server.seen}) == 1


def test_every_rpc_of_the_contracts_is_known_and_callers_stream_in_both_directions_alone() -> None:
    """A stream of requests that has one answer would pass `Calls`, `Streams` and `TwoWayStreams` by."""
    files = FileDescriptorSet.FromString(IMAGE.read_bytes()).file
    rpcs = {
        f"{file.package}.{service.name}.{rpc.name}": rpc.client_streaming and not rpc.server_streaming
        for file in files
        if file.package.startswith("tessera.")
        for service in file.service
        for rpc in service.method
    }
    assert {method.full_name: False for method in methods()} == rpcs


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED])
async def test_what_is_not_away_is_not_repeated(server: Answering, code: grpc.StatusCode) -> None:
    server.answers = [refuse(code)]
    async with open_channel(server.address) as channel:
        with pytest.raises(errors.OF_STATUS[code]):
            await AccountServiceStub(channel).GetLinkInfo(GetLinkInfoRequest())
    assert len(server.seen) == 1


async def test_without_retry_nothing_is_repeated(server: Answering) -> None:
    server.answers = [AWAY]
    async with open_channel(server.address, retry=False) as channel:
        with pytest.raises(errors.Unavailable):
            await AccountServiceStub(channel).GetLinkInfo(GetLinkInfoRequest())
    assert len(server.seen) == 1


async def test_the_deadline_is_that_of_all_tries(server: Answering) -> None:
    server.answers = [AWAY] * 10
    started = time.monotonic()
    async with open_channel(server.address) as channel:
        with pytest.raises(errors.DeadlineExceeded):
            await AccountServiceStub(channel).GetLinkInfo(GetLinkInfoRequest(), timeout=1.5)
    # All five tries would take more than two seconds, whatever the waits.
    assert time.monotonic() - started > 1.4
    assert 1 < len(server.seen) < 5
    assert server.seen[-1].seconds < server.seen[0].seconds <= 1.5


async def test_a_service_that_starts_again_is_waited_for() -> None:
    port = free_ports(1)[0]
    async with open_channel(f"127.0.0.1:{port}", timeout=60) as channel:
        keys = KeyServiceStub(channel)
        async with Answering(port=port):
            await keys.ListVerificationKeys(ListVerificationKeysRequest())
        waiting = asyncio.ensure_future(keys.ListVerificationKeys(ListVerificationKeysRequest()))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        async with Answering(port=port) as again:
            await waiting
        assert len(again.seen) == 1


async def test_a_service_that_fails_every_call_is_not_asked_five_times_as_often(server: Answering) -> None:
    server.answers = [AWAY] * 1000
    async with open_channel(server.address) as channel:
        calls = [AccountServiceStub(channel).GetLinkInfo(GetLinkInfoRequest()) for _ in range(200)]
        ends = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(end) for end in ends} == {errors.Unavailable}
    assert len(server.seen) < 300
