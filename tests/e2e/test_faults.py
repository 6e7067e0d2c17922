"""What dies, comes back: kill -9 of any service, and services without their neighbours."""

import asyncio
import os
import signal
import time

import pytest

from tests.support.faults import QUERY, Writer, listener, stopped, until_ready
from tests.support.world import World


@pytest.mark.parametrize("service", ["binding", "token", "account"])
async def test_a_killed_service_comes_back_and_forgets_nothing(world: World, service: str) -> None:
    calls = {
        "token": ("/v2/oauth/token", lambda: {"data": world.by_secret()}),
        "account": ("/v2/account/get_link_info_by_user_id", lambda: {"json": {"user_id": world.demo["user_id"]}}),
        "binding": (QUERY, lambda: {"json": {"operator_type": 2, "token_list": ["t"]}, "auth": world.push()}),
    }
    path, request = calls[service]
    async with world.http() as http:
        await until_ready(http)
        bearer = await world.bearer(http) if service == "account" else {}
        writer = Writer(world, http)
        writing = asyncio.create_task(writer.run())
        await writer.until_acknowledged(5)
        victim = listener(world.grpc[service])
        os.kill(victim, signal.SIGKILL)
        killed = time.monotonic()
        seen = set()
        async with asyncio.timeout(20):
            while True:
                answer = await http.post(path, headers=bearer, **request())
                body = answer.json()
                if service == "binding":
                    assert answer.status_code == 200
                    seen.add(body["ret_code"])
                    if body["ret_code"] == 10110008 and 1008004 in seen:
                        break
                else:
                    seen.add(answer.status_code)
                    if answer.status_code == 200 and 503 in seen:
                        break
                    assert answer.status_code in (200, 503), answer.text
                    if answer.status_code == 503:
                        assert body["code"] == "ServiceUnavailable"
                assert (await http.get("/healthz")).status_code == 200
                await asyncio.sleep(0.02)
        back = time.monotonic() - killed
        await until_ready(http)
        await writer.until_acknowledged(5)
        writer.stopping = True
        await writing
        assert listener(world.grpc[service]) != victim
        for refusal in writer.refused:
            assert (refusal.status_code, refusal.json()["ret_code"]) == (200, 1008004), refusal.text
        await writer.check()
        print(f"{service} was back after {back:.1f} s")


async def test_a_refresh_that_was_answered_survives_a_killed_token_service(world: World) -> None:
    async with world.http() as http:
        await until_ready(http)
        refresh = {"grant_type": "refresh_token", "client_id": world.demo["jwt_client_id"]}
        held = (await http.post("/v2/oauth/token", data=world.by_assertion())).json()["refresh_token"]
        for _ in range(3):
            held = (await http.post("/v2/oauth/token", data=refresh | {"refresh_token": held})).json()["refresh_token"]
        os.kill(listener(world.grpc["token"]), signal.SIGKILL)
        async with asyncio.timeout(20):
            while (answer := await http.post("/v2/oauth/token", data=refresh | {"refresh_token": held})).is_error:
                assert answer.status_code == 503, answer.text
                await asyncio.sleep(0.05)
        assert answer.json()["refresh_token"] != held
        await until_ready(http)


async def test_ready_is_about_all_three(world: World) -> None:
    async with world.http() as http:
        await until_ready(http)
        async with stopped(world.grpc["account"]):
            async with asyncio.timeout(20):
                while (await http.get("/ready")).status_code != 503:
                    await asyncio.sleep(0.05)
            assert (await http.get("/healthz")).status_code == 200
            # The others go on.
            assert (await http.post("/v2/oauth/token", data=world.by_secret())).status_code == 200
        await until_ready(http)
