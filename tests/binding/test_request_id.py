"""A call that may be made again has its answer from whichever process, and after each of them has ended."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import grpc
from google.protobuf import json_format
from tessera.binding.v1 import binding_service_pb2, binding_service_pb2_grpc

from services.binding.wiring import wire
from services.runtime.clock import Clock
from services.runtime.ids import uuid7
from services.runtime.server import opened
from tests.binding.callers import Json, PushApp
from tests.binding.conftest import settings_for
from tests.support.calls import SERVING, bearer, refused, until_health
from tests.support.token import Running

BIND: Json = {"operator_type": 2, "token_accounts": [{"token": "phone", "account_list": [{"account": "someone"}]}]}
CLEAR: Json = {"operator_type": 4, "token_list": ["phone"]}


def new_id() -> str:
    return str(uuid7(datetime.now(UTC)))


async def call(app: PushApp, channel: grpc.aio.Channel, request: Json, header: str = "") -> list[str]:
    """BatchOperateAccounts at one of several processes; the codes."""
    message = json_format.ParseDict(request, binding_service_pb2.BatchOperateAccountsRequest())
    metadata = [*bearer(app.token), *([("idempotency-key", header)] if header else [])]
    stub = binding_service_pb2_grpc.BindingServiceStub(channel)
    return list((await stub.BatchOperateAccounts(message, metadata=metadata)).result)


async def rows(dsn: str) -> list[tuple[str, str, int]]:
    """What is bound, and in which order it was."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch("select token, account, op from binding.binding")]
    finally:
        await connection.close()


async def test_between_processes_and_after_a_restart(
    push_app: PushApp, database_url: Callable[[str], str], token_service: Running, tmp_path: Path
) -> None:
    dsn, request_id = database_url("binding"), new_id()
    bind = BIND | {"request_id": request_id}
    async with AsyncExitStack() as stack:
        channels = []
        for name in ("one", "two", "three"):
            settings = settings_for(dsn, token_service.settings.listen, tmp_path / name)
            await stack.enter_async_context(opened("binding", settings, wire, Clock()))
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(str(settings.listen[0])))
            await until_health(channel, SERVING)
            channels.append(channel)
        # All at once, at all of them: one acts, and all are told.
        answers = await asyncio.gather(*(call(push_app, channel, bind) for channel in channels * 8))
        assert answers == [["0"]] * 24
        before = await rows(dsn)
        assert [row[:2] for row in before] == [("phone", "someone")]
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("select count(*) from binding.change") == 1
        await connection.close()

        assert await call(push_app, channels[1], CLEAR) == ["0"]
        assert await call(push_app, channels[2], bind) == ["0"]
        assert await rows(dsn) == []

    settings = settings_for(dsn, token_service.settings.listen, tmp_path / "four")
    async with (
        opened("binding", settings, wire, Clock()),
        grpc.aio.insecure_channel(str(settings.listen[0])) as channel,
    ):
        await until_health(channel, SERVING)
        assert await call(push_app, channel, bind) == ["0"]
        assert await call(push_app, channel, BIND, header=request_id) == ["0"]
        assert await rows(dsn) == []
        refusal = await refused(
            call(push_app, channel, CLEAR | {"request_id": request_id}), "FIELD_INVALID", "request_id"
        )
        assert refusal.message == "request_id was used for another call."
        await refused(call(push_app, channel, CLEAR, header=request_id), "FIELD_INVALID", "Idempotency-Key")
        assert await call(push_app, channel, CLEAR, header=new_id()) == ["0"]
