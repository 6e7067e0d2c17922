"""The service alone: ready when it can serve, and with the keys it last saw while the token service is away."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import grpc

from services.binding.config import BindingSettings
from services.binding.wiring import wire
from services.runtime.clock import Clock
from services.runtime.server import opened
from tests.binding.callers import PushApp
from tests.binding.conftest import free_address, settings_for
from tests.support.calls import NOT_SERVING, SERVING, refused, until_health
from tests.support.token import Running

BIND = {"operator_type": 2, "token_accounts": [{"token": "phone", "account_list": [{"account": "someone"}]}]}


async def test_keys_outlive_the_token_service(
    push_app: PushApp, database_url: Callable[[str], str], token_service: Running, tmp_path: Path
) -> None:
    dsn = database_url("binding")
    settings = settings_for(dsn, token_service.settings.listen, tmp_path)
    async with opened("binding", settings, wire, Clock()), channel_to(settings) as channel:
        await until_health(channel, SERVING)
        assert (await replace(push_app, channel=channel).call(BIND))["ret_code"] == 0

    away = settings_for(dsn, (free_address(),), tmp_path)
    async with opened("binding", away, wire, Clock()), channel_to(away) as channel:
        await until_health(channel, SERVING)
        assert (await replace(push_app, channel=channel).query({"operator_type": 2, "token_list": ["phone"]}))[
            "ret_code"
        ] == 0


async def test_without_any_key_it_says_so(
    push_app: PushApp, database_url: Callable[[str], str], tmp_path: Path
) -> None:
    settings = settings_for(database_url("binding"), (free_address(),), tmp_path)
    async with opened("binding", settings, wire, Clock()), channel_to(settings) as channel:
        await until_health(channel, NOT_SERVING)
        refusal = await refused(replace(push_app, channel=channel).call(BIND), "UNAVAILABLE")
        assert refusal.code == grpc.StatusCode.UNAVAILABLE
        assert "token service" in refusal.message
        await until_health(channel, NOT_SERVING)


def channel_to(settings: BindingSettings) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(str(settings.listen[0]))
