import asyncio
from datetime import timedelta

import grpc
import pytest

from services.token import jws
from services.token.model import code_challenge
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


async def test_a_user_who_was_disabled_meanwhile(service: Running, app: App, user_id: str) -> None:
    code = await service.code(app, user_id)
    await service.set_status(user_id, "disabled")
    await refused(service.redeem(app, code), "INVALID_GRANT")


async def test_what_is_no_code(service: Running, app: App) -> None:
    for bad in ("x", "0045157fa8e24f4f9a0d9e3ff158c1e0", "é", jws.encode(bytes(48)), jws.encode(bytes(49))):
        await refused(service.redeem(app, bad), "INVALID_GRANT")
    await refused(service.redeem(app, ""), "FIELD_MISSING", "code")
