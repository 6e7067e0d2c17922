"""SessionService: sessions listed and ended."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from tessera.token.v1 import session_service_pb2

from tests.support.callers import people_app, person
from tests.support.calls import Metadata, refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import content


async def _list(service: Running, caller: Metadata | None = None, **fields: Any) -> list[session_service_pb2.Session]:
    """All pages of a listing."""
    sessions, page_token = [], ""
    caller = caller or await service.operator()
    while True:
        request = session_service_pb2.ListSessionsRequest(page_token=page_token, **fields)
        answer = await service.sessions.ListSessions(request, metadata=caller)
        sessions += answer.sessions
        page_token = answer.next_page_token
        if not page_token:
            return sessions


async def _revoke(service: Running, session_id: str, caller: Metadata | None = None) -> None:
    request = session_service_pb2.RevokeSessionRequest(session_id=session_id)
    await service.sessions.RevokeSession(request, metadata=caller or await service.operator())


async def _revoke_user(service: Running, user_id: str, caller: Metadata | None = None) -> int:
    request = session_service_pb2.RevokeUserSessionsRequest(user_id=user_id)
    answer = await service.sessions.RevokeUserSessions(request, metadata=caller or await service.operator())
    return answer.revoked_sessions


async def _revoke_app(service: Running, client_id: str, caller: Metadata | None = None) -> None:
    request = session_service_pb2.RevokeAppSessionsRequest(client_id=client_id)
    await service.sessions.RevokeAppSessions(request, metadata=caller or await service.operator())


def _sid(access_token: str) -> str:
    sid: str = content(access_token)["sid"]
    return sid


async def test_a_session_is_shown_with_device_and_last_use_and_no_secret(service: Running) -> None:
    app, user_id = await service.web_app(), await service.user()
    before = service.clock.now()
    code = await service.code(app, user_id, device_id="d-1", device_name="Ann's phone", scope="FILE.ALL")
    issued = await service.redeem(app, code)
    used_from = service.clock.now()
    refreshed = await service.refresh(app, issued.refresh_token)
    (session,) = await _list(service, user_id=user_id)
    assert (session.session_id, session.user_id, session.client_id) == (
        _sid(issued.access_token),
        user_id,
        app.client_id,
    )
    assert (session.device_id, session.device_name, list(session.scopes)) == ("d-1", "Ann's phone", ["FILE.ALL"])
    began, used = session.create_time.ToDatetime(before.tzinfo), session.last_use_time.ToDatetime(before.tzinfo)
    assert before <= began <= used_from <= used <= service.clock.now()
    assert timedelta(days=29) < session.expire_time.ToDatetime(before.tzinfo) - used <= timedelta(days=30)
    text = str(session)
    assert refreshed.refresh_token not in text
    assert {field.name for field in session.DESCRIPTOR.fields}.isdisjoint({"secret_hash", "generation"})


async def test_pages_by_user_and_by_app_and_by_both(service: Running) -> None:
    apps = [await service.jwt_app() for _ in range(2)]
    users = [await service.user() for _ in range(2)]
    made: dict[tuple[str, str], list[str]] = {}
    for _ in range(3):
        for app in apps:
            for user_id in users:
                sid = _sid((await service.by_assertion(app, user_id)).access_token)
                made.setdefault((app.client_id, user_id), []).insert(0, sid)
    for size in (1, 2, 5, 50):
        for app in apps:
            for user_id in users:
                both = await _list(service, user_id=user_id, client_id=app.client_id, page_size=size)
                assert [each.session_id for each in both] == made[app.client_id, user_id]
            by_app = [each.session_id for each in await _list(service, client_id=app.client_id, page_size=size)]
            assert sorted(by_app, reverse=True) == by_app
            assert set(by_app) == {sid for user_id in users for sid in made[app.client_id, user_id]}
        by_user = [each.session_id for each in await _list(service, user_id=users[0], page_size=size)]
        assert sorted(by_user, reverse=True) == by_user
        assert set(by_user) == {sid for app in apps for sid in made[app.client_id, users[0]]}


async def test_a_rare_apps_sessions_are_found_behind_those_of_others(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare, busy, user_id = await service.jwt_app(), await service.jwt_app(), await service.user()
    old = _sid((await service.by_assertion(rare, user_id)).access_token)
    for _ in range(7):
        await service.by_assertion(busy, user_id)
    # As many as a page looks at are fewer than stand before it.
    monkeypatch.setattr("services.token.actions.sessions.list_sessions._LOOK_AT", 3)
    first = await service.sessions.ListSessions(
        session_service_pb2.ListSessionsRequest(client_id=rare.client_id), metadata=await service.operator()
    )
    assert not first.sessions
    assert first.next_page_token
    assert [each.session_id for each in await _list(service, client_id=rare.client_id)] == [old]


async def test_what_is_over_is_not_listed(own: Running) -> None:
    app, user_id = await own.jwt_app(), await own.user()
    await own.by_assertion(app, user_id)
    await own.shift(timedelta(days=31))
    revoked, going_on = [_sid((await own.by_assertion(app, user_id)).access_token) for _ in range(2)]
    await _revoke(own, revoked)
    for query in ({"user_id": user_id}, {"client_id": app.client_id}):
        assert [each.session_id for each in await _list(own, **query)] == [going_on]
    await _revoke_app(own, app.client_id)
    for query in ({"user_id": user_id}, {"client_id": app.client_id}):
        assert await _list(own, **query) == []
    later = _sid((await own.by_assertion(app, user_id)).access_token)
    assert [each.session_id for each in await _list(own, user_id=user_id)] == [later]


async def test_what_is_no_listing(service: Running) -> None:
    operator = await service.operator()

    async def ask(**fields: Any) -> None:
        await service.sessions.ListSessions(session_service_pb2.ListSessionsRequest(**fields), metadata=operator)

    await refused(ask(), "FIELD_MISSING", "user_id")
    await refused(ask(user_id="a b"), "FIELD_INVALID", "user_id")
    await refused(ask(client_id="a b"), "FIELD_INVALID", "client_id")
    await refused(ask(user_id="a", page_size=-1), "FIELD_INVALID", "page_size")
    await refused(ask(user_id="a", page_token="x"), "FIELD_INVALID", "page_token")
    # A token of another query.
    app = await service.jwt_app()
    user_id = await service.user()
    for _ in range(2):
        await service.by_assertion(app, user_id)
    request = session_service_pb2.ListSessionsRequest(user_id=user_id, page_size=1)
    answer = await service.sessions.ListSessions(request, metadata=operator)
    await refused(ask(client_id=app.client_id, page_token=answer.next_page_token), "FIELD_INVALID", "page_token")


async def test_one_is_ended_and_the_others_go_on(service: Running) -> None:
    app, user_id = await service.jwt_app(), await service.user()
    ended, other = [await service.by_assertion(app, user_id) for _ in range(2)]
    sid = _sid(ended.access_token)
    for _ in range(2):
        await _revoke(service, sid)
    await refused(service.refresh(app, ended.refresh_token), "INVALID_REFRESH_TOKEN")
    await service.refresh(app, other.refresh_token)
    (revocation,) = await service.revocations(sid)
    assert revocation["kind"] == "session"
    rows = [row for row in await service.audit(user_id=user_id) if row["event"] == "session.revoked"]
    assert [(row["client_id"], str(row["session_id"]), row["actor"]) for row in rows] == [
        (app.client_id, sid, service.made["operator"]["client_id"])
    ]


async def test_all_of_a_user_are_ended(service: Running) -> None:
    apps, user_id, neighbour = [await service.jwt_app() for _ in range(2)], await service.user(), await service.user()
    issued = [(app, (await service.by_assertion(app, user_id)).refresh_token) for app in apps for _ in range(2)]
    others = (await service.by_assertion(apps[0], neighbour)).refresh_token
    assert await _revoke_user(service, user_id) == 4
    assert await _revoke_user(service, user_id) == 0
    for app, token in issued:
        await refused(service.refresh(app, token), "INVALID_REFRESH_TOKEN")
    await service.refresh(apps[0], others)
    revocations = await service.revocations(user_id)
    assert [row["kind"] for row in revocations] == ["user", "user"]
    rows = [row for row in await service.audit(user_id=user_id) if row["event"] == "session.all_of_user_revoked"]
    assert [row["detail"] for row in rows] == ["4", "0"]
    # The user may log on again.
    again = await service.by_assertion(apps[0], user_id)
    await service.refresh(apps[0], again.refresh_token)


async def test_all_of_an_app_are_ended_by_one_row(service: Running) -> None:
    app = await service.jwt_app()
    for _ in range(3):
        await service.by_assertion(app, await service.user())
    before = service.clock.now()
    for _ in range(2):
        await _revoke_app(service, app.client_id)
    revocations = await service.revocations(app.client_id)
    assert [row["kind"] for row in revocations] == ["app", "app"]
    async with service.database() as database:
        until = await database.fetchval(
            "select sessions_revoked_at from token.app where domain_id = $1 and client_id = $2", DOMAIN, app.client_id
        )
        touched = await database.fetchval(
            "select count(*) from token.session where client_id = $1 and revoked_at is not null", app.client_id
        )
    # What was decided on before is signed a little later: it is meant, too.
    assert before < until == revocations[-1]["revoked_at"] - timedelta(seconds=2) < service.clock.now()
    assert touched == 0
    rows = [row for row in await service.audit(client_id=app.client_id) if row["event"] == "session.all_of_app_revoked"]
    assert [row["actor"] for row in rows] == [service.made["operator"]["client_id"]] * 2


async def test_every_process_is_told_of_an_apps_change(service: Running) -> None:
    app = await service.jwt_app()
    told: asyncio.Queue[str] = asyncio.Queue()
    async with service.listening("token_changes", told.put_nowait):
        await _revoke_app(service, app.client_id)
        async with asyncio.timeout(30):
            while await told.get() != f"app:{app.client_id}":
                pass


async def test_what_is_not_there(service: Running) -> None:
    await refused(_revoke(service, str(uuid.uuid4())), "NOT_FOUND_SESSION")
    await refused(_revoke(service, "x"), "FIELD_INVALID", "session_id")
    await refused(_revoke(service, ""), "FIELD_MISSING", "session_id")
    await refused(_revoke_user(service, "nobody"), "NOT_FOUND_USER")
    await refused(_revoke_user(service, "a b"), "FIELD_INVALID", "user_id")
    await refused(_revoke_app(service, "nobody"), "NOT_FOUND_APP")
    await refused(_revoke_app(service, "a b"), "FIELD_INVALID", "client_id")


async def test_who_may(service: Running) -> None:
    app, people = await service.jwt_app(), await people_app(service)
    user_id, first = await service.user(), service.made["user_id"]
    sid = _sid((await service.by_assertion(app, user_id)).access_token)
    code = await service.code(people, first)
    superadmins = _sid((await service.redeem(people, code)).access_token)
    admin = await person(service, people, await service.user(role="admin"))
    by_permission = await service.caller("token.session")
    for caller in (await service.caller("token.user.write"), await person(service, people, await service.user())):
        await refused(_list(service, caller, user_id=user_id), "PERMISSION_DENIED")
        await refused(_revoke(service, sid, caller), "PERMISSION_DENIED")
        await refused(_revoke_user(service, user_id, caller), "PERMISSION_DENIED")
        await refused(_revoke_app(service, app.client_id, caller), "PERMISSION_DENIED")
    await refused(_revoke(service, superadmins, admin), "PERMISSION_DENIED")
    await refused(_revoke_user(service, first, admin), "PERMISSION_DENIED")
    await refused(_revoke_app(service, app.client_id, admin), "PERMISSION_DENIED")
    assert [each.session_id for each in await _list(service, admin, user_id=user_id)] == [sid]
    assert await _revoke_user(service, user_id, admin) == 1
    await _revoke(service, superadmins, by_permission)
    await _revoke_app(service, app.client_id, by_permission)


async def test_revoking_races_refreshing_and_wins(service: Running) -> None:
    app = await service.jwt_app()
    for by_user in (True, False) * 3:
        user_id = await service.user()
        issued = await service.by_assertion(app, user_id)
        under_way = [asyncio.ensure_future(service.refresh(app, issued.refresh_token)) for _ in range(5)]
        if by_user:
            under_way += [asyncio.ensure_future(service.by_assertion(app, user_id)) for _ in range(5)]
            await _revoke_user(service, user_id)
        else:
            await _revoke(service, _sid(issued.access_token))
        await refused(service.refresh(app, issued.refresh_token), "INVALID_REFRESH_TOKEN")
        for answer in await asyncio.gather(*under_way, return_exceptions=True):
            # A session that began after the user's were ended goes on; no refresh of one that was ended does.
            if not isinstance(answer, BaseException) and _sid(answer.access_token) == _sid(issued.access_token):
                await refused(service.refresh(app, answer.refresh_token), "INVALID_REFRESH_TOKEN")
