import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import grpc
import pytest

from services.runtime import jws
from services.runtime.db import Connection
from services.token.model import code_challenge
from tests.support.admin import update_app
from tests.support.calls import refusal_in, refused
from tests.support.token import Running
from tests.support.token_client import App, content

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app()


@pytest.fixture
async def user_id(service: Running) -> str:
    return await service.user()


async def test_a_code_is_redeemed(service: Running, app: App, user_id: str) -> None:
    code = await service.code(app, user_id, scope="FILE.ALL", device_id="d1", device_name="Phone")
    answer = await service.redeem(app, code)
    claims = content(answer.access_token)
    assert (claims["sub"], claims["client_id"], claims["scope"]) == (user_id, app.client_id, "FILE.ALL")
    assert '"device_id":"d1"' in claims["customJson"]
    assert (answer.device_id, answer.device_name) == ("d1", "Phone")
    await service.refresh(app, answer.refresh_token)


async def test_the_vendors_name_of_the_grant(service: Running, app: App, user_id: str) -> None:
    code = await service.code(app, user_id)
    parameters = {"client_id": app.client_id, "client_secret": app.secret, "code": code}
    await service.token("code", redirect_uri="https://app.example.com/callback", **parameters)


async def test_a_second_use_ends_what_the_first_one_made(service: Running, app: App, user_id: str) -> None:
    code = await service.code(app, user_id)
    answer = await service.redeem(app, code)
    await refused(service.redeem(app, code), "INVALID_GRANT")
    await refused(service.refresh(app, answer.refresh_token), "INVALID_REFRESH_TOKEN")
    rows = await service.audit(client_id=app.client_id)
    events = [(row["event"], row["detail"]) for row in rows if row["event"].startswith("authorization_code")]
    assert events == [
        ("authorization_code.created", None),
        ("authorization_code.issued", None),
        ("authorization_code.refused", "replay"),
    ]


async def test_one_of_one_hundred_uses_at_once_wins(service: Running, app: App, user_id: str) -> None:
    code = await service.code(app, user_id)
    answers = await asyncio.gather(*(service.redeem(app, code) for _ in range(100)), return_exceptions=True)
    (won,) = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert {refusal_in(answer).reason for answer in answers if isinstance(answer, grpc.aio.AioRpcError)} == {
        "INVALID_GRANT"
    }
    await refused(service.refresh(app, won.refresh_token), "INVALID_REFRESH_TOKEN")


async def test_a_code_lives_ten_minutes(own: Running) -> None:
    app, user_id = await own.web_app(), await own.user()
    code = await own.code(app, user_id)
    own.clock.shift(timedelta(minutes=9, seconds=58))
    other = await own.code(app, user_id)
    await own.redeem(app, code)
    own.clock.shift(timedelta(minutes=10, seconds=1))
    await refused(own.redeem(app, other), "INVALID_GRANT")


async def test_the_redirect_uri_is_compared_to_the_letter(service: Running, app: App, user_id: str) -> None:
    code = await service.code(app, user_id)
    await refused(service.redeem(app, code, redirect_uri="https://app.example.com/callback/"), "INVALID_GRANT")
    # Whatever was wrong: the code is used up.
    await refused(service.redeem(app, code), "INVALID_GRANT")
    await refused(service.redeem(app, code, redirect_uri=""), "FIELD_MISSING", "redirect_uri")


async def test_another_clients_code_stays_good_for_its_own(service: Running, app: App, user_id: str) -> None:
    other = await service.web_app()
    code = await service.code(app, user_id)
    await refused(service.redeem(other, code), "INVALID_GRANT")
    await service.redeem(app, code)


async def test_an_app_without_a_secret_brings_a_verifier(service: Running, user_id: str) -> None:
    native = await service.native_app()
    challenge = code_challenge(VERIFIER)
    code = await service.code(native, user_id, code_challenge=challenge)
    await service.redeem(native, code, code_verifier=VERIFIER)
    for verifier in ("", "x" * 43, VERIFIER[:-1], VERIFIER + "=", "x" * 129, challenge):
        code = await service.code(native, user_id, code_challenge=challenge)
        await refused(service.redeem(native, code, code_verifier=verifier), "INVALID_GRANT")
        # A failed proof uses the code up.
        await refused(service.redeem(native, code, code_verifier=VERIFIER), "INVALID_GRANT")


async def test_a_verifier_without_a_challenge(service: Running, app: App, user_id: str) -> None:
    code = await service.code(app, user_id)
    await refused(service.redeem(app, code, code_verifier=VERIFIER), "INVALID_GRANT")


async def test_a_stored_challenge_binds_an_app_with_a_secret_too(service: Running, app: App, user_id: str) -> None:
    code = await service.code(app, user_id, code_challenge=code_challenge(VERIFIER))
    await refused(service.redeem(app, code), "INVALID_GRANT")
    # It is used up by that.
    await refused(service.redeem(app, code, code_verifier=VERIFIER), "INVALID_GRANT")


async def test_a_user_who_was_disabled_meanwhile(service: Running, app: App, user_id: str) -> None:
    code = await service.code(app, user_id)
    await service.set_status(user_id, "disabled")
    await refused(service.redeem(app, code), "INVALID_GRANT")


async def test_what_is_no_code(service: Running, app: App) -> None:
    for bad in ("x", "0045157fa8e24f4f9a0d9e3ff158c1e0", "é", jws.encode(bytes(48)), jws.encode(bytes(49))):
        await refused(service.redeem(app, bad), "INVALID_GRANT")
    await refused(service.redeem(app, ""), "FIELD_MISSING", "code")


async def test_plain_is_no_challenge(service: Running, user_id: str) -> None:
    """A challenge is what S256 makes (RFC 9700 section 2.1.1); a verifier that is the challenge proves nothing."""
    native = await service.native_app()
    for plain in ("short", VERIFIER + "~", "x" * 44, "a.b" * 20):
        await refused(service.code(native, user_id, code_challenge=plain), "FIELD_INVALID", "code_challenge")
    # It may look like one: then it is one, and no verifier of its own.
    code = await service.code(native, user_id, code_challenge=VERIFIER)
    await refused(service.redeem(native, code, code_verifier=VERIFIER), "INVALID_GRANT")
    await refused(service.code(native, user_id), "INVALID_REQUEST", "code_challenge")


@asynccontextmanager
async def stopped_midway(service: Running, user_id: str) -> AsyncIterator[Connection]:
    """Hold the user, for whom a redemption that has used its code up waits."""
    async with service.database() as database, database.transaction() as connection:
        await connection.execute("select 1 from token.app_user where user_id = $1 for update", user_id)
        yield connection


async def waiting(connection: Connection) -> int:
    """The server process of the redemption that waits."""
    async with asyncio.timeout(30):
        while True:
            # Else a transaction sees what it saw when it first looked.
            await connection.execute("select pg_stat_clear_snapshot()")
            pid = await connection.fetchval(
                "select pid from pg_stat_activity where query like '%token.redeem_code%' and wait_event_type = 'Lock' "
                "and datname = current_database()"
            )
            if pid:
                return int(pid)
            await asyncio.sleep(0.01)


async def outcomes(service: Running, app: App) -> list[str]:
    rows = await service.audit(client_id=app.client_id)
    return [row["event"] for row in rows if row["event"].startswith("authorization_code.")]


async def test_a_crash_between_use_and_issue_leaves_the_code_good(own: Running) -> None:
    app, user_id = await own.web_app(), await own.user()
    code = await own.code(app, user_id)
    async with stopped_midway(own, user_id) as connection:
        call = asyncio.create_task(own.redeem(app, code))
        pid = await waiting(connection)
        async with own.database() as other:
            assert await other.fetchval("select pg_terminate_backend($1)", pid)
        assert (await refused(call)).code is grpc.StatusCode.UNAVAILABLE
    assert await outcomes(own, app) == ["authorization_code.created"]
    await own.redeem(app, code)
    assert await outcomes(own, app) == ["authorization_code.created", "authorization_code.issued"]


async def test_a_caller_who_goes_away_leaves_the_code_good_or_used_and_audited(own: Running) -> None:
    app, user_id = await own.web_app(), await own.user()
    for _ in range(3):
        code = await own.code(app, user_id)
        async with stopped_midway(own, user_id) as connection:
            call = asyncio.create_task(own.redeem(app, code))
            await waiting(connection)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        before = await outcomes(own, app)
        again = (await asyncio.gather(own.redeem(app, code), return_exceptions=True))[0]
        added = (await outcomes(own, app))[len(before) :]
        if isinstance(again, BaseException):
            # It was used up, then, and the log had said so before.
            assert refusal_in(again).reason == "INVALID_GRANT"
            assert before[-1] == "authorization_code.issued"
            assert added == ["authorization_code.refused"]
        else:
            assert before[-1] == "authorization_code.created"
            assert added == ["authorization_code.issued"]


async def test_a_second_use_races_with_a_refresh(service: Running, app: App, user_id: str) -> None:
    """Whichever comes first: afterwards nothing that came from the code is good."""
    for _ in range(10):
        code = await service.code(app, user_id)
        first = await service.redeem(app, code)
        _, refreshed = await asyncio.gather(
            service.redeem(app, code), service.refresh(app, first.refresh_token), return_exceptions=True
        )
        last = first if isinstance(refreshed, BaseException) else refreshed
        await refused(service.refresh(app, last.refresh_token), "INVALID_REFRESH_TOKEN")


async def test_a_user_who_is_disabled_while_a_code_is_redeemed(service: Running, app: App) -> None:
    for _ in range(10):
        user_id = await service.user()
        code = await service.code(app, user_id)
        redeemed, _ = await asyncio.gather(
            service.redeem(app, code), service.set_status(user_id, "disabled"), return_exceptions=True
        )
        if not isinstance(redeemed, BaseException):
            await refused(service.refresh(app, redeemed.refresh_token), "INVALID_REFRESH_TOKEN")
        await refused(service.redeem(app, code), "INVALID_GRANT")


async def test_one_hundred_uses_are_all_in_the_log(service: Running, app: App, user_id: str) -> None:
    code = await service.code(app, user_id)
    await asyncio.gather(*(service.redeem(app, code) for _ in range(100)), return_exceptions=True)
    events = await outcomes(service, app)
    assert sorted(events) == [
        "authorization_code.created",
        "authorization_code.issued",
        *["authorization_code.refused"] * 99,
    ]


async def test_a_scope_that_the_app_lost_meanwhile(service: Running) -> None:
    """Else a token that is issued after the taking away would have what those before it lost."""
    app = await service.web_app(scopes=["ACCOUNT.ALL", "FILE.ALL"])
    code = await service.code(app, await service.user())
    await update_app(service, app, "scopes", scopes=["FILE.ALL"])
    issued = await service.redeem(app, code)
    assert (issued.scope, content(issued.access_token)["scope"]) == ("FILE.ALL", "FILE.ALL")
