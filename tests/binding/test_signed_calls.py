"""Calls that were signed: sent again, they are not done again, whatever stands beside what was signed."""

import asyncio
import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import asyncpg
import grpc
from google.protobuf import json_format
from tessera.binding.v1 import binding_service_pb2, binding_service_pb2_grpc

from services.runtime.auth import EDGE_HEADER
from services.runtime.ids import uuid7
from tests.support import signatures
from tests.support.calls import refused
from tests.support.token import Running
from tests.token.edge.checking import Sent, check

BATCH = "/v3/device/account/batchoperate"


class Backend:
    """A push backend that signs, as it comes through the gateway."""

    def __init__(self, token: Running, channel: grpc.aio.Channel, app: Any) -> None:
        self._token = token
        self._stub = binding_service_pb2_grpc.BindingServiceStub(channel)
        self.app = app

    async def send(self, content: dict[str, Any], seconds: int, **metadata: str) -> Any:
        body = json.dumps(content).encode()
        signed = signatures.sign(self.app.access_id, self.app.secret_key, body, seconds)
        answer = await check(self._token, Sent("tpns", BATCH, signed, body))
        (option,) = answer.ok_response.headers
        request = json_format.ParseDict(content, binding_service_pb2.BatchOperateAccountsRequest())
        headers = [(EDGE_HEADER, option.header.value), *((k.replace("_", "-"), v) for k, v in metadata.items())]
        return await self._stub.BatchOperateAccounts(request, metadata=headers)


def bind(account: str, **more: Any) -> dict[str, Any]:
    return {"operator_type": 2, "token_accounts": [{"token": "t", "account_list": [{"account": account}]}], **more}


async def rows(connection: asyncpg.Connection, backend: Backend) -> list[str]:
    found = await connection.fetch("select account from binding.binding where access_id = $1", backend.app.access_id)
    return [row["account"] for row in found]


async def made(token_service: Running, channel: grpc.aio.Channel) -> Backend:
    return Backend(token_service, channel, await token_service.push_app())


async def test_what_is_sent_again_is_not_done_again(
    token_service: Running, channel: grpc.aio.Channel, connection: asyncpg.Connection
) -> None:
    backend, seconds = await made(token_service, channel), int(time.time())
    first = await backend.send(bind("old"), seconds)
    await backend.send(bind("new"), seconds)
    assert await backend.send(bind("old"), seconds) == first
    assert await rows(connection, backend) == ["new"]
    # Signed anew, it is another call.
    await backend.send(bind("old"), seconds + 1)
    assert await rows(connection, backend) == ["old"]


async def test_a_header_beside_it_makes_it_no_other_call(
    token_service: Running, channel: grpc.aio.Channel, connection: asyncpg.Connection
) -> None:
    backend, seconds = await made(token_service, channel), int(time.time())
    await backend.send(bind("old"), seconds, idempotency_key=str(uuid.uuid4()))
    await backend.send(bind("new"), seconds)
    for key in (str(uuid.uuid4()), "nonsense", ""):
        await backend.send(bind("old"), seconds, idempotency_key=key)
    assert await rows(connection, backend) == ["new"]


async def test_an_id_in_the_body_is_signed_with_it(token_service: Running, channel: grpc.aio.Channel) -> None:
    backend, seconds, request_id = await made(token_service, channel), int(time.time()), str(uuid7(datetime.now(UTC)))
    first = await backend.send(bind("a-b", request_id=request_id), seconds)
    assert await backend.send(bind("a-b", request_id=request_id), seconds + 1) == first
    await refused(backend.send(bind("a-c", request_id=request_id), seconds), "FIELD_INVALID", "request_id")


async def test_signed_at_the_ends_of_the_window(
    token_service: Running, channel: grpc.aio.Channel, connection: asyncpg.Connection
) -> None:
    """Further ahead than a caller's own id may be."""
    backend, now = await made(token_service, channel), int(time.time())
    for ahead in (590, -590):
        await backend.send(bind(f"at {ahead}"), now + ahead)
        assert await rows(connection, backend) == [f"at {ahead}"]


async def test_many_at_once_are_one(
    token_service: Running, channel: grpc.aio.Channel, connection: asyncpg.Connection
) -> None:
    backend, seconds = await made(token_service, channel), int(time.time())
    answers = await asyncio.gather(*(backend.send(bind("once"), seconds) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert await rows(connection, backend) == ["once"]
