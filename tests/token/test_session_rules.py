"""What an app's own settings make of its sessions, and what becomes of a refresh that something happens to."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import grpc
import pytest

from services.runtime.clock import Clock
from services.token.config import TokenSettings
from tests.support.admin import update_app
from tests.support.calls import refused
from tests.support.token import Founded, Running
from tests.support.token_client import App, content


async def _set(service: Running, app: App, setting: str, *values: Any) -> None:
    """Change an app's row, and wait until the service has heard of it, or read it anew."""
    async with service.database() as database, database.transaction() as connection:
        await connection.execute(f"update token.app set {setting} where client_id = $1", app.client_id, *values)
        await connection.execute("select pg_notify('token_changes', 'app:' || $1::text)", app.client_id)
    await asyncio.sleep(1.2)


async def _started(service: Running, app: App) -> str:
    return (await service.by_assertion(app, await service.user())).refresh_token


async def _details(service: Running, app: App) -> list[str]:
    return [row["detail"] for row in await service.audit(client_id=app.client_id) if "refresh" in row["event"]]


async def test_without_grace_a_second_use_ends_the_session(service: Running) -> None:
    app = await service.jwt_app()
    await _set(service, app, "grace = '0'")
    for _ in range(5):
        token = await _started(service, app)
        answers = await asyncio.gather(*(service.refresh(app, token) for _ in range(20)), return_exceptions=True)
        issued = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert len(issued) == 1
        await refused(service.refresh(app, issued[0].refresh_token), "INVALID_REFRESH_TOKEN")


async def test_without_repeats_a_second_use_is_refused_and_ends_nothing(service: Running) -> None:
    app = await service.jwt_app()
    await _set(service, app, "grace_repeats = 0")
    token = await _started(service, app)
    successor = (await service.refresh(app, token)).refresh_token
    await refused(service.refresh(app, token), "INVALID_REFRESH_TOKEN")
    await service.refresh(app, successor)


async def test_repeated_until_its_successor_was_used(own: Running) -> None:
    app = await own.jwt_app()
    await _set(own, app, "repeat_until_used = true")
    token = await _started(own, app)
    successor = (await own.refresh(app, token)).refresh_token
    for _ in range(15):
        assert (await own.refresh(app, token)).refresh_token == successor
    await own.shift(timedelta(days=20))
    assert (await own.refresh(app, token)).refresh_token == successor
    third = (await own.refresh(app, successor)).refresh_token
    await refused(own.refresh(app, token), "INVALID_REFRESH_TOKEN")
    await refused(own.refresh(app, third), "INVALID_REFRESH_TOKEN")
    assert (await _details(own, app))[-2:] == ["replay", "revoked"]


async def test_a_replay_is_told_to_those_who_hold_access_tokens(service: Running) -> None:
    app = await service.jwt_app()
    token = await _started(service, app)
    second = await service.refresh(app, token)
    await service.refresh(app, second.refresh_token)
    await refused(service.refresh(app, token), "INVALID_REFRESH_TOKEN")
    async with service.database() as database:
        told = await database.fetch(
            "select kind from token.revocation where subject = $1", content(second.access_token)["sid"]
        )
    assert [row["kind"] for row in told] == ["session"]


async def test_an_apps_sessions_are_idle_for_as_long_as_it_says(own: Running) -> None:
    app = await own.jwt_app()
    await _set(own, app, "session_idle = '1 hour'")
    idle, used = await _started(own, app), await _started(own, app)
    await own.shift(timedelta(minutes=50))
    used = (await own.refresh(app, used)).refresh_token
    await own.shift(timedelta(minutes=50))
    await refused(own.refresh(app, idle), "INVALID_REFRESH_TOKEN")
    await own.refresh(app, used)


@pytest.mark.parametrize("when", ["before the session", "after it began"])
async def test_an_apps_sessions_live_for_as_long_as_it_says(own: Running, when: str) -> None:
    app = await own.jwt_app()
    if when == "before the session":
        await _set(own, app, "session_lifetime = '1 hour'")
    token = await _started(own, app)
    if when == "after it began":
        await _set(own, app, "session_lifetime = '1 hour'")
    for _ in range(3):
        await own.shift(timedelta(minutes=19))
        token = (await own.refresh(app, token)).refresh_token
    await own.shift(timedelta(minutes=4))
    await refused(own.refresh(app, token), "INVALID_REFRESH_TOKEN")
    assert (await _details(own, app))[-1] == "expired"


async def test_what_introspection_says_of_a_refresh_token_its_next_use_bears_out(own: Running) -> None:
    """Of a session that began under another rule, and of scopes that its app had then."""
    app = await own.web_app(scopes=("ACCOUNT.ALL", "FILE.ALL"))
    user_id = await own.user()
    token = (await own.redeem(app, await own.code(app, user_id))).refresh_token
    await update_app(own, app, "scopes", scopes=["FILE.ALL"])
    assert (await own.introspect(app, token)).scope == "FILE.ALL"
    answer = await own.refresh(app, token)
    assert answer.scope == "FILE.ALL"
    await _set(own, app, "session_lifetime = '1 hour'")
    await own.shift(timedelta(minutes=61))
    assert not (await own.introspect(app, answer.refresh_token)).active
    await refused(own.refresh(app, answer.refresh_token), "INVALID_REFRESH_TOKEN")


async def test_sessions_begun_until_an_operator_ended_them_are_over(service: Running) -> None:
    app = await service.jwt_app()
    before = await _started(service, app)
    await _set(service, app, "sessions_revoked_at = $2", Clock().now())
    await refused(service.refresh(app, before), "INVALID_REFRESH_TOKEN")
    await service.refresh(app, await _started(service, app))
    assert await _details(service, app) == ["app_revoked", "rotated"]


async def test_tokens_of_two_apps_at_once(service: Running) -> None:
    apps = [await service.jwt_app(), await service.jwt_app()]
    tokens = [await _started(service, app) for app in apps for _ in range(20)]
    answers = await asyncio.gather(
        *(service.refresh(apps[number // 20], token) for number, token in enumerate(tokens)),
        *(service.refresh(apps[1 - number // 20], token) for number, token in enumerate(tokens)),
        return_exceptions=True,
    )
    assert [isinstance(answer, grpc.aio.AioRpcError) for answer in answers] == [False] * 40 + [True] * 40
    assert len({answer.refresh_token for answer in answers[:40]}) == 40  # type: ignore[union-attr]


async def test_what_is_revoked_while_refreshes_wait_gives_no_token(service: Running) -> None:
    """The row is locked by who revokes it; what waits for it, and what waits behind that, sees what came of it."""
    app = await service.jwt_app()
    first = await service.by_assertion(app, await service.user())
    sid = content(first.access_token)["sid"]
    other = await service.jwt_app()
    others = await _started(service, other)
    async with service.database() as database, database.transaction() as connection:
        await connection.execute(
            "update token.session set revoked_at = now() where domain_id = 'bj1' and session_id = $1", sid
        )
        waiting = [asyncio.create_task(service.refresh(app, first.refresh_token)) for _ in range(30)]
        # Somebody else's are not held up for as long.
        await service.refresh(other, others)
        assert not any(task.done() for task in waiting)
    for task in waiting:
        await refused(task, "INVALID_REFRESH_TOKEN")


async def test_a_code_used_twice_ends_a_session_that_is_being_refreshed(service: Running) -> None:
    app = await service.web_app()
    code = await service.code(app, await service.user())
    token = (await service.redeem(app, code)).refresh_token
    await asyncio.gather(
        *(service.refresh(app, token) for _ in range(8)), service.redeem(app, code), return_exceptions=True
    )
    await refused(service.refresh(app, token), "INVALID_REFRESH_TOKEN")


@asynccontextmanager
async def _process(service: Running) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service as a process of its own, which can be killed."""
    settings = service.settings
    environ = os.environ | {
        "TESSERA_DSN": settings.dsn,
        "TESSERA_LISTEN": str(settings.listen[0]),
        "TESSERA_STATE_DIR": str(settings.state_dir),
        "TESSERA_MASTER_KEY": "A" * 43 + "=",
        "TESSERA_LOG_LEVEL": "warning",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.token", "serve", env=environ)
    try:
        await asyncio.wait_for(service.channel.channel_ready(), 30)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_killed_between_commit_and_answer(founded: Founded, own_settings: TokenSettings) -> None:
    settings, made = own_settings, founded.made
    async with grpc.aio.insecure_channel(
        str(settings.listen[0]), options=[("grpc.max_reconnect_backoff_ms", 200)]
    ) as channel:
        service = Running(channel, settings, made, Clock())
        async with _process(service) as process:
            app = await service.jwt_app()
            parent = await service.by_assertion(app, await service.user())
            sid = content(parent.access_token)["sid"]
            async with service.database() as database:
                async with database.transaction() as connection:
                    await connection.execute("select from token.session where session_id = $1 for update", sid)
                    lost = asyncio.create_task(service.refresh(app, parent.refresh_token))
                    await _waits_for_lock(service)
                    process.send_signal(signal.SIGSTOP)
                # Postgres goes on without the service.
                async with asyncio.timeout(30):
                    while (
                        await database.fetchval("select generation from token.session where session_id = $1", sid) != 2
                    ):
                        await asyncio.sleep(0.01)
            process.kill()
            with pytest.raises(grpc.aio.AioRpcError):
                await lost
        async with _process(service):
            again = await service.refresh(app, parent.refresh_token)
            assert (await service.refresh(app, parent.refresh_token)).refresh_token == again.refresh_token
            await service.refresh(app, again.refresh_token)
        assert await _details(service, app) == ["rotated", "repeated", "repeated", "rotated"]


async def _waits_for_lock(service: Running) -> None:
    async with service.database() as database, asyncio.timeout(30):
        while not await database.fetchval(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.01)
