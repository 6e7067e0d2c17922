import asyncio
from datetime import timedelta
from typing import Any

import grpc
import pytest
from tessera.token.v1.user_service_pb2 import UpdateUserRequest, UserServiceGetUserRequest

from services.runtime.auth import ROLES
from services.runtime.db import Database
from services.runtime.ids import uuid7
from services.token.model import UserChange
from services.token.store import Store
from tests.support.callers import people_app, person, superadmin
from tests.support.calls import refusal_in, refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import content

CARRIED = {
    "user_name": "bob",
    "nick_name": "Bob",
    "avatar": "https://example.com/bob.png",
    "default_drive_id": "7",
    "role": "admin",
}


async def test_the_next_refresh_tells_the_change(service: Running) -> None:
    app = await service.jwt_app()
    user_id = await service.user(user_name="ann", nick_name="Ann")
    tokens = [(await service.by_assertion(app, user_id)).refresh_token for _ in range(3)]
    other = await service.by_assertion(app, await service.user(nick_name="Other"))
    await service.update_user(user_id, **CARRIED)
    for token in tokens:
        answer = await service.refresh(app, token)
        assert {name: getattr(answer, name) for name in CARRIED} == CARRIED
        assert '"role":"admin"' in content(answer.access_token)["customJson"].replace(" ", "")
    assert (await service.refresh(app, other.refresh_token)).nick_name == "Other"


async def test_what_is_not_given_stays_and_what_is_empty_is_written(service: Running) -> None:
    user_id = await service.user(user_name="ann", nick_name="Ann", description="old", user_data={"a": "1"})
    changed = await service.update_user(user_id, nick_name="", description="new")
    assert (changed.user_name, changed.nick_name, changed.description) == ("ann", "", "new")
    assert dict(changed.user_data) == {"a": "1"}
    assert changed.updated_at >= changed.created_at


async def test_user_data_is_replaced_whole_and_cleared_on_demand(service: Running) -> None:
    user_id = await service.user(user_data={"a": "1", "b": "2"})
    assert dict((await service.update_user(user_id, user_data={"c": "3"})).user_data) == {"c": "3"}
    assert dict((await service.update_user(user_id, nick_name="x")).user_data) == {"c": "3"}
    assert dict((await service.update_user(user_id, clear_user_data=True)).user_data) == {}
    call = service.update_user(user_id, clear_user_data=True, user_data={"a": "1"})
    await refused(call, "FIELD_INVALID", "clear_user_data")


async def test_what_changes_nothing_writes_nothing(service: Running) -> None:
    user_id = await service.user(nick_name="Ann", user_data={"a": "1", "b": "2"})
    first = await service.update_user(user_id)
    again = await service.update_user(
        user_id, nick_name="Ann", status="enabled", role="user", user_data={"b": "2", "a": "1"}
    )
    assert again == first
    assert [row["event"] for row in await service.audit(user_id=user_id)] == ["user.created"]
    assert await service.user_events(user_id) == ["created"]


async def test_it_is_written_down_without_the_values_and_told(service: Running) -> None:
    user_id = await service.user()
    await service.update_user(user_id, nick_name="Secret", user_data={"a": "Secret"}, role="admin", status="disabled")
    row = (await service.audit(user_id=user_id))[-1]
    assert (row["event"], row["actor"]) == ("user.updated", service.made["operator"]["client_id"])
    assert row["detail"] == "role=admin status=disabled nick_name user_data"
    assert await service.user_events(user_id) == ["created", "updated"]


async def test_who_is_disabled_or_made_less_has_its_access_tokens_revoked(service: Running) -> None:
    user_id = await service.user(role="admin")
    before = service.clock.now()
    await service.update_user(user_id, nick_name="Ann")
    assert await service.revocations(user_id) == []
    await service.update_user(user_id, role="user")
    await service.update_user(user_id, status="disabled")
    await service.update_user(user_id, status="enabled")
    await service.update_user(user_id, role="admin")
    lowered, disabled = await service.revocations(user_id)
    assert lowered["kind"] == disabled["kind"] == "user"
    # A token that was decided on before may be stamped a little later.
    margin = timedelta(seconds=2)
    assert before + margin < lowered["revoked_at"] < disabled["revoked_at"] < service.clock.now() + margin


async def test_a_status_is_set_again_and_again(service: Running) -> None:
    user_id = await service.user()
    for status in ("disabled", "disabled", "enabled"):
        assert (await service.update_user(user_id, status=status)).status == status
    rows = [row for row in await service.audit(user_id=user_id) if row["event"] == "user.updated"]
    assert [row["detail"] for row in rows] == ["status=disabled", "status=enabled"]


async def test_an_etag_is_of_one_state(service: Running) -> None:
    user_id = await service.user()
    first = await service.update_user(user_id, nick_name="1")
    second = await service.update_user(user_id, nick_name="2", etag=first.etag)
    assert second.etag != first.etag
    refusal = await refused(service.update_user(user_id, nick_name="3", etag=first.etag), "ETAG_MISMATCH")
    assert refusal.code == grpc.StatusCode.ABORTED
    await service.delete_user(user_id)
    await service.user(user_id=user_id)
    await service.update_user(user_id, nick_name="1")
    await refused(service.update_user(user_id, nick_name="3", etag=first.etag), "ETAG_MISMATCH")


async def test_one_of_twenty_with_the_same_etag_wins(service: Running) -> None:
    user_id = await service.user()
    etag = (await service.update_user(user_id)).etag
    calls = [service.update_user(user_id, nick_name=str(number), etag=etag) for number in range(20)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert {refusal_in(each).reason for each in answers if isinstance(each, BaseException)} == {"ETAG_MISMATCH"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_name", "x" * 129),
        ("nick_name", "a\nb"),
        ("avatar", "x" * 1025),
        ("role", "root"),
        ("role", ""),
        ("status", "gone"),
        ("status", ""),
        ("description", "x" * 1025),
        ("default_drive_id", "x" * 65),
        ("user_data", {"a": "x" * 1017}),
        ("etag", "x" * 65),
    ],
)
async def test_fields_that_are_not_good(service: Running, field: str, value: Any) -> None:
    await refused(service.update_user("nobody", **{field: value}), "FIELD_INVALID", field)


async def test_users_who_are_not_there(service: Running) -> None:
    await refused(service.update_user("nobody", status="enabled"), "NOT_FOUND_USER")
    await refused(service.update_user("a b", status="enabled"), "FIELD_INVALID", "user_id")
    await refused(service.update_user("", status="enabled"), "FIELD_MISSING", "user_id")


async def test_nobody_changes_a_user_of_a_higher_role_or_makes_one(service: Running) -> None:
    app = await people_app(service)
    admin = await person(service, app, await service.user(role="admin"))
    first = service.made["user_id"]
    user_id, other_admin = await service.user(), await service.user(role="admin")
    writer = await service.caller("token.user.write")

    async def update(caller: Any, whom: str, **fields: str) -> None:
        await service.users.UpdateUser(UpdateUserRequest(user_id=whom, **fields), metadata=caller)

    await update(admin, other_admin, nick_name="Colleague")
    await update(writer, user_id, nick_name="Somebody")
    for call in (
        update(admin, first, nick_name="x"),
        update(admin, user_id, role="superadmin"),
        update(await service.operator(), first, status="disabled"),
        update(writer, other_admin, nick_name="x"),
        update(writer, user_id, role="admin"),
        update(await service.caller("token.user.read"), user_id, nick_name="x"),
    ):
        await refused(call, "PERMISSION_DENIED")


async def test_nobody_raises_himself_by_a_token_from_better_days(service: Running) -> None:
    app = await people_app(service)
    user_id = await service.user(role="admin")
    admin = await person(service, app, user_id)
    await service.update_user(user_id, role="user")
    request = UpdateUserRequest(user_id=user_id, role="admin")
    # Where revocations are applied, the token itself is refused before that.
    refusal = await refused(service.users.UpdateUser(request, metadata=admin))
    assert refusal.reason in ("PERMISSION_DENIED", "UNAUTHENTICATED")


async def test_the_last_enabled_superadmin_stays_one(own: Running) -> None:
    caller, first = await superadmin(own), own.made["user_id"]
    for fields in ({"role": "admin"}, {"status": "disabled"}):
        call = own.users.UpdateUser(UpdateUserRequest(user_id=first, **fields), metadata=caller)
        assert (await refused(call, "LAST_SUPERADMIN")).code == grpc.StatusCode.FAILED_PRECONDITION
    await own.users.UpdateUser(UpdateUserRequest(user_id=first, role="superadmin", nick_name="x"), metadata=caller)
    # A second one who is disabled does not count.
    second = await own.make_superadmin(caller)
    await own.users.UpdateUser(UpdateUserRequest(user_id=second, status="disabled"), metadata=caller)
    call = own.users.UpdateUser(UpdateUserRequest(user_id=first, role="user"), metadata=caller)
    await refused(call, "LAST_SUPERADMIN")
    await own.users.UpdateUser(UpdateUserRequest(user_id=second, status="enabled"), metadata=caller)
    await own.users.UpdateUser(UpdateUserRequest(user_id=first, role="user"), metadata=caller)


async def test_superadmins_who_all_go_at_once_leave_one(own: Running) -> None:
    first = await superadmin(own)
    everybody = [own.made["user_id"], *[await own.make_superadmin(first) for _ in range(3)]]
    async with own.database(connections=12) as database:
        store = Store(database)

        async def demote(user_id: str, change: UserChange) -> str:
            now = own.clock.now()
            return (
                await store.update_user(
                    DOMAIN, user_id, change, etag="", roles=tuple(ROLES), actor="x", now=now, event_id=uuid7(now)
                )
            )[0]

        async def delete(user_id: str) -> str:
            now = own.clock.now()
            return await store.delete_user(
                DOMAIN,
                user_id,
                etag="",
                roles=tuple(ROLES),
                pseudonym="erased",
                actor="x",
                now=now,
                event_id=uuid7(now),
            )

        for _ in range(5):
            verdicts = await asyncio.gather(
                *(demote(user_id, UserChange(role="admin")) for user_id in everybody),
                *(demote(user_id, UserChange(status="disabled")) for user_id in reversed(everybody)),
            )
            assert set(verdicts) == {"updated", "last"}
            assert await _superadmins(database) == 1
            await database.execute("update token.app_user set role = 'superadmin', status = 'enabled'")
        verdicts = await asyncio.gather(*(delete(user_id) for user_id in everybody))
        assert sorted(verdicts) == ["deleted", "deleted", "deleted", "last"]
        assert await _superadmins(database) == 1


async def _superadmins(database: Database) -> int:
    count: int = await database.fetchval(
        "select count(*) from token.app_user where role = 'superadmin' and status = 'enabled'"
    )
    return count


async def test_changes_race_refreshes_without_a_deadlock(service: Running) -> None:
    app = await service.jwt_app()
    user_id = await service.user()
    tokens = [(await service.by_assertion(app, user_id)).refresh_token for _ in range(10)]

    async def refresh_all() -> None:
        for token in tokens:
            await service.refresh(app, token)

    async def update_all(name: str) -> None:
        for number in range(5):
            await service.update_user(user_id, nick_name=f"{name}{number}")

    # Nothing fails: neither with a deadlock nor otherwise.
    await asyncio.gather(*(refresh_all() for _ in range(4)), *(update_all(name) for name in "abcd"))
    found = await service.users.GetUser(UserServiceGetUserRequest(user_id=user_id), metadata=await service.operator())
    assert (await service.refresh(app, tokens[0])).nick_name == found.nick_name
