import asyncio
from collections.abc import Callable
from pathlib import Path

from grpc_health.v1 import health_pb2, health_pb2_grpc
from tessera.token.v1 import token_service_pb2

from tests.token.running import Running, content, refused, run_bootstrap, serving, settings_of


async def test_a_service_that_was_started_first_finds_its_keys(
    database_url: Callable[[str], str], tmp_path: Path
) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    async with serving(settings, {}) as service:
        health = health_pb2_grpc.HealthStub(service.channel)
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
        listing = token_service_pb2.ListVerificationKeysRequest()
        await refused(service.keys.ListVerificationKeys(listing), "UNAVAILABLE")
        service.made = await run_bootstrap(settings, tmp_path)
        await asyncio.sleep(1.6)
        await service.operator()
        answer = await health.Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_what_becomes_of_a_key_is_known_within_a_second(own: Running) -> None:
    app = await own.jwt_app()
    user_id = await own.user()
    before = await own.by_assertion(app, user_id)
    operator = await own.operator()
    async with own.database() as database:
        # As if it were being replaced, and the one that replaces it not there yet.
        await database.execute(
            "update token.signing_key set state = 'retiring', version = version + 1 where use = 'refresh'"
        )
    await asyncio.sleep(1.2)
    # There is none to make new refresh tokens with: that is ours to mend, and not the client's fault.
    await refused(own.refresh(app, before.refresh_token), "UNAVAILABLE")
    async with own.database() as database:
        await database.execute("update token.signing_key set state = 'active', version = version + 1")
    await asyncio.sleep(1.2)
    after = await own.refresh(app, before.refresh_token)
    assert content(after.access_token)["sid"] == content(before.access_token)["sid"]
    request = token_service_pb2.GetUserRequest(domain_id="bj1", user_id="x")
    await refused(own.mint.GetUser(request, metadata=operator), "PERMISSION_DENIED")
