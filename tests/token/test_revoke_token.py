"""RFC 7009, and what Tessera decided where it leaves a choice (docs/adr/0028)."""

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_service_pb2

from services.runtime import jws
from services.token.actions.grants.token_exchange import ACCESS_TOKEN_TYPE
from services.token.actions.phases.admission import TOKEN_EXCHANGE
from services.token.model import code_challenge
from tests.support.calls import refused
from tests.support.token import CLIENT_ASSERTION, DOMAIN, ISSUER, Running
from tests.support.token_client import App, basic, content, new_p256

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app()


async def revocations(service: Running, subject: str) -> list[tuple[str, str]]:
    async with service.database() as database:
        rows = await database.fetch(
            "select kind, subject from token.revocation where domain_id = $1 and subject = $2", DOMAIN, subject
        )
    return [tuple(row) for row in rows]


async def session(service: Running, app: App) -> Any:
    return await service.redeem(app, await service.code(app, await service.user()))


@pytest.mark.parametrize("hint", ["", "refresh_token", "access_token", "nonsense"])
async def test_a_refresh_token_ends_its_session(service: Running, app: App, hint: str) -> None:
    """RFC 7009 section 2.1: a wrong hint changes nothing."""
    issued = await session(service, app)
    await service.revoke(app, issued.refresh_token, token_type_hint=hint)
    await refused(service.refresh(app, issued.refresh_token), "INVALID_REFRESH_TOKEN")
    assert not (await service.introspect(app, issued.access_token)).active
    sid = content(issued.access_token)["sid"]
    assert await revocations(service, sid) == [("session", sid)]
    (row,) = [row for row in await service.audit(client_id=app.client_id) if row["event"] == "session.revoked"]
    assert (row["user_id"], str(row["session_id"]), row["detail"]) == (issued.user_id, sid, "by refresh token")


async def test_a_refresh_token_that_was_used_ends_its_session_too(service: Running, app: App) -> None:
    issued = await session(service, app)
    again = await service.refresh(app, issued.refresh_token)
    await service.revoke(app, issued.refresh_token)
    await refused(service.refresh(app, again.refresh_token), "INVALID_REFRESH_TOKEN")


@pytest.mark.parametrize("hint", ["", "refresh_token", "access_token"])
async def test_an_access_token_of_the_sessions_client_ends_the_session(service: Running, app: App, hint: str) -> None:
    issued = await session(service, app)
    await service.revoke(app, issued.access_token, token_type_hint=hint)
    await refused(service.refresh(app, issued.refresh_token), "INVALID_REFRESH_TOKEN")
    sid = content(issued.access_token)["sid"]
    assert await revocations(service, sid) == [("session", sid)]


async def test_an_access_token_without_a_session_is_revoked_by_itself(service: Running, app: App) -> None:
    one, other = [(await service.by_secret(app)).access_token for _ in range(2)]
    await service.revoke(app, one)
    assert not (await service.introspect(app, one)).active
    assert (await service.introspect(app, other)).active
    jti = content(one)["jti"]
    assert await revocations(service, jti) == [("token", jti)]
    (row,) = [row for row in await service.audit(client_id=app.client_id) if row["event"] == "token.revoked"]
    assert row["detail"] == jti


async def test_once_is_enough(service: Running, app: App) -> None:
    issued, own = await session(service, app), (await service.by_secret(app)).access_token
    for _ in range(3):
        await service.revoke(app, issued.refresh_token)
        await service.revoke(app, issued.access_token)
        await service.revoke(app, own)
    events = [row["event"] for row in await service.audit(client_id=app.client_id)]
    assert (events.count("session.revoked"), events.count("token.revoked")) == (1, 1)
    assert await revocations(service, content(issued.access_token)["jti"]) == []


async def test_another_clients_token_stays_good_and_nobody_is_told(service: Running, app: App) -> None:
    """RFC 7009 section 2.1, in the answer of section 2.2: who tries learns nothing."""
    other = await service.web_app()
    issued, own = await session(service, app), (await service.by_secret(app)).access_token
    for token in (issued.refresh_token, issued.access_token, own):
        await service.revoke(other, token)
    assert (await service.introspect(app, issued.access_token)).active
    assert (await service.introspect(app, own)).active
    await service.refresh(app, issued.refresh_token)


async def test_tokens_that_are_unknown_are_revoked_already(service: Running, app: App) -> None:
    """RFC 7009 section 2.2: an invalid token is no error."""
    for token in ("x", "a.b.c", jws.encode(bytes(90)), str(uuid.uuid4()), "é", "\0", "x" * 20_000):
        await service.revoke(app, token)
    await refused(service.revoke(app, ""), "FIELD_MISSING", "token")


async def test_a_token_that_is_almost_the_sessions(service: Running, app: App) -> None:
    issued = await session(service, app)
    for token in (issued.refresh_token[:-2] + "AA", issued.access_token[:-8] + "A" * 8):
        await service.revoke(app, token)
    await service.refresh(app, issued.refresh_token)


async def test_a_client_without_a_secret_revokes_its_own(service: Running) -> None:
    """RFC 7009 section 2.1: of a public client, the client that the token was issued to is checked."""
    native, other = await service.native_app(), await service.native_app()
    code = await service.code(native, await service.user(), code_challenge=code_challenge(VERIFIER))
    issued = await service.redeem(native, code, code_verifier=VERIFIER)
    await service.revoke(other, issued.refresh_token)
    issued = await service.refresh(native, issued.refresh_token)
    await service.revoke(native, issued.refresh_token)
    await refused(service.refresh(native, issued.refresh_token), "INVALID_REFRESH_TOKEN")


async def test_the_client_proves_itself_as_at_the_token_endpoint(service: Running, app: App) -> None:
    token = (await service.by_secret(app)).access_token
    await refused(service.revoke(App(app.client_id, "wrong"), token), "INVALID_CLIENT")
    await refused(service.revoke(App("unknown", "x"), token), "INVALID_CLIENT")
    await refused(service.revoke(App(app.client_id), token), "INVALID_CLIENT")
    await refused(service.revoke(App(""), token), "INVALID_CLIENT")
    header = [("authorization", basic(app.client_id, app.secret))]
    await refused(service.revoke(app, token, metadata=header), "INVALID_REQUEST")
    assert (await service.introspect(app, token)).active
    await service.revoke(App(""), token, metadata=header)
    assert not (await service.introspect(app, token)).active
    await refused(service.revoke(await service.web_app(admit=False), token), "UNAUTHORIZED_CLIENT")


async def test_by_a_signed_assertion(service: Running) -> None:
    signer = await service.app(admin_pb2.APP_TYPE_SERVICE, key=new_p256())

    def proof() -> dict[str, str]:
        claims = service.claims(signer.client_id, sub=signer.client_id, aud=ISSUER)
        return {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": signer.sign(claims, "ES256")}

    token = (await service.token("client_credentials", **proof())).access_token
    assert (await service.introspect(signer, token, **proof())).active
    spent = proof()
    await service.revoke(signer, token, **spent)
    await refused(service.revoke(signer, token, **spent), "INVALID_CLIENT")
    assert not (await service.introspect(signer, token, **proof())).active


async def test_a_service_gives_back_an_exchanged_token_and_not_the_users_session(service: Running, app: App) -> None:
    worker = await service.app(admin_pb2.APP_TYPE_SERVICE, permissions=["token.exchange"])
    issued = await session(service, app)
    exchanged = await service.token(
        TOKEN_EXCHANGE,
        client_id=worker.client_id,
        client_secret=worker.secret,
        subject_token=issued.access_token,
        subject_token_type=ACCESS_TOKEN_TYPE,
    )
    await service.revoke(worker, exchanged.access_token)
    assert not (await service.introspect(app, exchanged.access_token)).active
    assert (await service.introspect(app, issued.access_token)).active
    await service.refresh(app, issued.refresh_token)


async def test_revoking_races_a_refresh(service: Running, app: App) -> None:
    """Whichever comes first: after both, nothing of the session is good."""
    for _ in range(10):
        issued = await session(service, app)
        _, refreshed = await asyncio.gather(
            service.revoke(app, issued.refresh_token),
            service.refresh(app, issued.refresh_token),
            return_exceptions=True,
        )
        if isinstance(refreshed, grpc.aio.AioRpcError):
            await refused(service.refresh(app, issued.refresh_token), "INVALID_REFRESH_TOKEN")
        else:
            await refused(service.refresh(app, refreshed.refresh_token), "INVALID_REFRESH_TOKEN")
            assert not (await service.introspect(app, refreshed.access_token)).active


async def test_a_stranger_makes_no_rows(service: Running) -> None:
    stranger = App(uuid.uuid4().hex, "x")
    request = token_service_pb2.RevokeTokenRequest(token="x", client_id=stranger.client_id, client_secret="x")
    await refused(service.tokens.RevokeToken(request), "INVALID_CLIENT")
    assert await service.audit(client_id=stranger.client_id) == []
