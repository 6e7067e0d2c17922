import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest

from services.runtime import jws
from tests.support.calls import refusal_in, refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import App, content


@pytest.fixture
async def app(service: Running) -> App:
    return await service.jwt_app()


async def _started(service: Running, app: App) -> str:
    return (await service.by_assertion(app, await service.user())).refresh_token


async def _parallel(service: Running, app: App, token: str, times: int) -> list[Any]:
    return await asyncio.gather(*(service.refresh(app, token) for _ in range(times)), return_exceptions=True)


async def test_each_use_gives_the_next_one(service: Running, app: App) -> None:
    user_id = await service.user(user_name="Ada")
    first = await service.by_assertion(app, user_id)
    second = await service.refresh(app, first.refresh_token)
    third = await service.refresh(app, second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert (third.user_id, third.user_name, third.is_first_login) == (user_id, "Ada", False)
    sessions = {content(answer.access_token)["sid"] for answer in (first, second, third)}
    assert len(sessions) == 1
    assert len({content(answer.access_token)["jti"] for answer in (first, second, third)}) == 3


async def test_one_hundred_uses_at_once_make_one_successor(service: Running, app: App) -> None:
    token = await _started(service, app)
    answers = await _parallel(service, app, token, 100)
    issued = [answer for answer in answers if not isinstance(answer, BaseException)]
    # One rotation and ten repeats; the rest is too often, which ends nothing.
    assert len(issued) == 11
    assert len({answer.refresh_token for answer in issued}) == 1
    assert {refusal_in(answer).reason for answer in answers if isinstance(answer, grpc.aio.AioRpcError)} == {
        "INVALID_REFRESH_TOKEN"
    }
    sid = content(issued[0].access_token)["sid"]
    details = [row["detail"] for row in await service.audit(client_id=app.client_id) if str(row["session_id"]) == sid]
    assert (details.count("rotated"), details.count("repeated"), details.count("grace_exhausted")) == (1, 10, 89)
    await service.refresh(app, issued[0].refresh_token)


async def test_a_lost_answer_is_repeated(service: Running, app: App) -> None:
    token = await _started(service, app)
    lost = await service.refresh(app, token)
    again = await service.refresh(app, token)
    assert again.refresh_token == lost.refresh_token
    assert again.access_token != lost.access_token


async def test_replay_after_the_grace_ends_the_session(own: Running) -> None:
    app = await own.jwt_app()
    first = await _started(own, app)
    second = (await own.refresh(app, first)).refresh_token
    own.clock.shift(timedelta(seconds=29))
    await own.refresh(app, first)
    own.clock.shift(timedelta(seconds=2))
    await refused(own.refresh(app, first), "INVALID_REFRESH_TOKEN")
    await refused(own.refresh(app, second), "INVALID_REFRESH_TOKEN")
    rows = await own.audit(client_id=app.client_id)
    assert [row["detail"] for row in rows if row["event"].startswith("refresh")] == [
        "rotated",
        "repeated",
        "replay",
        "revoked",
    ]


async def test_an_older_generation_ends_the_session_at_once(service: Running, app: App) -> None:
    first = await _started(service, app)
    second = (await service.refresh(app, first)).refresh_token
    third = (await service.refresh(app, second)).refresh_token
    await refused(service.refresh(app, first), "INVALID_REFRESH_TOKEN")
    await refused(service.refresh(app, third), "INVALID_REFRESH_TOKEN")


async def test_a_session_ends_when_nobody_uses_it_and_when_it_is_old(own: Running) -> None:
    app = await own.jwt_app()
    idle = await _started(own, app)
    used = await _started(own, app)
    for _ in range(5):
        await own.shift(timedelta(days=20))
        used = (await own.refresh(app, used)).refresh_token
    await refused(own.refresh(app, idle), "INVALID_REFRESH_TOKEN")
    for _ in range(3):
        await own.shift(timedelta(days=25))
        used = (await own.refresh(app, used)).refresh_token
    await own.shift(timedelta(days=6))
    await refused(own.refresh(app, used), "INVALID_REFRESH_TOKEN")


async def test_another_clients_token(service: Running, app: App) -> None:
    other = await service.jwt_app()
    token = await _started(service, app)
    await refused(service.refresh(other, token), "INVALID_REFRESH_TOKEN")
    await service.refresh(app, token)


async def test_a_disabled_user_is_refused_and_loses_nothing(service: Running, app: App) -> None:
    user_id = await service.user()
    token = (await service.by_assertion(app, user_id)).refresh_token
    await service.set_status(user_id, "disabled")
    await refused(service.refresh(app, token), "INVALID_REFRESH_TOKEN")
    await service.set_status(user_id, "enabled")
    await service.refresh(app, token)


async def test_fewer_scopes_may_be_asked_for_and_not_more(service: Running, app: App) -> None:
    token = await _started(service, app)
    await refused(service.refresh(app, token, scope="FILE.ALL OAUTH.ALL"), "INVALID_SCOPE")
    fewer = await service.refresh(app, token, scope="FILE.ALL")
    assert fewer.scope == "FILE.ALL"
    assert (await service.refresh(app, fewer.refresh_token)).scope == "ACCOUNT.ALL FILE.ALL"


async def test_no_token(service: Running, app: App) -> None:
    await refused(service.refresh(app, ""), "FIELD_MISSING", "refresh_token")


async def test_a_token_that_was_tampered_with_reaches_no_session(service: Running, app: App) -> None:
    token = await _started(service, app)
    raw = jws.decode(token)
    for position in range(len(raw)):
        bad = raw[:position] + bytes((raw[position] ^ 1,)) + raw[position + 1 :]
        await refused(service.refresh(app, jws.encode(bad)), "INVALID_REFRESH_TOKEN")
    for bad_text in ("x", token[:-4], token + "AAAA", token + "=", token.upper(), "é", "A" * 600, "A" * 160):
        await refused(service.refresh(app, bad_text), "INVALID_REFRESH_TOKEN")
    # None of these made a row: a stranger writes nothing.
    rows = [row for row in await service.audit(client_id=app.client_id) if row["event"].startswith("refresh")]
    assert rows == []
    await service.refresh(app, token)


async def test_the_answer_has_what_the_vendor_answers(service: Running, app: App) -> None:
    user_id = await service.user(
        user_name="pdsuser", nick_name="pds", avatar="https://example.com/a.jpg", default_drive_id="1"
    )
    answer = await service.refresh(app, (await service.by_assertion(app, user_id)).refresh_token)
    claims = content(answer.access_token)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer.expire_time)
    assert datetime.fromisoformat(answer.expire_time).timestamp() == claims["exp"]
    assert (answer.user_id, answer.user_name, answer.nick_name) == (user_id, "pdsuser", "pds")
    assert (answer.avatar, answer.default_drive_id) == ("https://example.com/a.jpg", "1")
    assert (answer.role, answer.status, answer.token_type, answer.domain_id) == ("user", "enabled", "Bearer", DOMAIN)
    assert claims["exp"] - claims["iat"] == answer.expires_in == 7200


async def test_disabling_races_refreshing_and_wins(service: Running, app: App) -> None:
    """Whatever was under way, no token is given once the answer to UpdateUser is there."""
    for _ in range(5):
        user_id = await service.user()
        token = (await service.by_assertion(app, user_id)).refresh_token
        await asyncio.gather(
            service.set_status(user_id, "disabled"),
            *(service.refresh(app, token) for _ in range(5)),
            *(service.by_assertion(app, user_id) for _ in range(5)),
            return_exceptions=True,
        )
        await refused(service.by_assertion(app, user_id), "INVALID_GRANT")
        await refused(service.refresh(app, token), "INVALID_REFRESH_TOKEN")
