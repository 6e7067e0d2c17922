import asyncio
from collections.abc import Callable
from pathlib import Path

import grpc
from tessera.token.v1 import token_pb2, token_service_pb2

from tests.support.calls import NOT_SERVING, SERVING, refusal_in, refused, until_health
from tests.support.token import Running, run_bootstrap, serving, settings_of
from tests.support.token_client import App, content


async def test_a_service_that_was_started_first_finds_its_keys(
    database_url: Callable[[str], str], tmp_path: Path
) -> None:
    settings = settings_of(database_url("token"), tmp_path)
    async with serving(settings, {}) as service:
        await until_health(service.channel, NOT_SERVING)
        listing = token_service_pb2.ListVerificationKeysRequest()
        await refused(service.keys.ListVerificationKeys(listing), "UNAVAILABLE")
        service.made = await run_bootstrap(settings, tmp_path)
        await until_health(service.channel, SERVING)
        await service.operator()


async def test_what_becomes_of_a_key_is_soon_known(own: Running) -> None:
    app = await own.jwt_app()
    user_id, newcomer = await own.user(), await own.user()
    before = await own.by_assertion(app, user_id)
    operator, minter = await own.operator(), await own.minter()
    async with own.database() as database:
        # As if it were being replaced, and the one that replaces it not there yet.
        await database.execute(
            "update token.signing_key set state = 'retiring', xid = pg_current_xact_id() where use = 'refresh'"
        )
    async with asyncio.timeout(15):
        while await can_make_refresh_tokens(own, app, user_id):
            await asyncio.sleep(0.05)
    # There is none to make new refresh tokens with: that is ours to mend, and costs the client nothing.
    for _ in range(30):
        await refused(own.refresh(app, before.refresh_token), "UNAVAILABLE")
    issue = token_service_pb2.IssueTokenRequest(
        domain_id="bj1", user_id=newcomer, client_id=app.client_id, proof=token_pb2.Proof(method="link")
    )
    await refused(own.mint.IssueToken(issue, metadata=minter), "UNAVAILABLE")
    async with own.database() as database:
        await database.execute("update token.signing_key set state = 'active', xid = pg_current_xact_id()")
    async with asyncio.timeout(15):
        while not await can_make_refresh_tokens(own, app, user_id):
            await asyncio.sleep(0.05)
    # Nor does the user count as one who was given a token.
    assert (await own.mint.IssueToken(issue, metadata=minter)).is_first_login
    after = await own.refresh(app, before.refresh_token)
    assert (await own.audit(event="refresh_token.issued"))[-1]["detail"] == "rotated"
    assert content(after.access_token)["sid"] == content(before.access_token)["sid"]
    request = token_service_pb2.GetUserRequest(domain_id="bj1", user_id="x")
    await refused(own.mint.GetUser(request, metadata=operator), "PERMISSION_DENIED")


async def can_make_refresh_tokens(service: Running, app: App, user_id: str) -> bool:
    try:
        await service.by_assertion(app, user_id)
    except grpc.aio.AioRpcError as error:
        assert refusal_in(error).reason == "UNAVAILABLE"  # noqa: PT017 tried again
        return False
    return True
