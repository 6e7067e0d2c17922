"""The service alone: ready when it can serve, and with the keys it last saw while the token service is away."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.binding.__main__ import wire
from services.binding.config import BindingSettings
from services.runtime.clock import Clock
from services.runtime.server import opened
from tests.binding.callers import PushApp, reason, refusal
from tests.binding.conftest import free_address, settings_for
from tests.support.databases import Databases
from tests.token import running as token

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
BIND = {"operator_type": 2, "token_accounts": [{"token": "phone", "account_list": [{"account": "someone"}]}]}


async def status_within(channel: grpc.aio.Channel, wanted: int, seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while (await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())).status != wanted:
            await asyncio.sleep(0.05)


async def test_keys_outlive_the_token_service(
    push_app: PushApp, database_url: Callable[[str], str], token_service: token.Running, tmp_path: Path
) -> None:
    dsn = database_url("binding")
    settings = settings_for(dsn, token_service.settings.listen, tmp_path)
    async with opened("binding", settings, wire, Clock()), channel_to(settings) as channel:
        await status_within(channel, SERVING)
        assert (await replace(push_app, channel=channel).call(BIND))["ret_code"] == 0

    away = settings_for(dsn, (free_address(),), tmp_path)
    async with opened("binding", away, wire, Clock()), channel_to(away) as channel:
        await status_within(channel, SERVING)
        assert (await replace(push_app, channel=channel).query({"operator_type": 2, "token_list": ["phone"]}))[
            "ret_code"
        ] == 0


async def test_without_any_key_it_says_so(
    push_app: PushApp, database_url: Callable[[str], str], tmp_path: Path
) -> None:
    settings = settings_for(database_url("binding"), (free_address(),), tmp_path)
    async with opened("binding", settings, wire, Clock()), channel_to(settings) as channel:
        await status_within(channel, NOT_SERVING)
        error = await refusal(replace(push_app, channel=channel).call(BIND))
        assert (error.code(), reason(error)) == (grpc.StatusCode.UNAVAILABLE, "UNAVAILABLE")
        assert "token service" in str(error.details())


async def test_without_its_schema_it_is_not_ready(
    databases: Databases, token_service: token.Running, tmp_path: Path
) -> None:
    settings = settings_for(databases.empty("binding"), token_service.settings.listen, tmp_path)
    async with opened("binding", settings, wire, Clock()), channel_to(settings) as channel:
        await asyncio.sleep(0.7)
        await status_within(channel, NOT_SERVING)


def channel_to(settings: BindingSettings) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(str(settings.listen[0]))
