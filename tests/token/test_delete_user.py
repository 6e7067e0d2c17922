import asyncio
from typing import Any

from tessera.token.v1.user_service_pb2 import DeleteUserRequest, UserServiceGetUserRequest

from tests.support.callers import people_app, person
from tests.support.calls import refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import content


async def test_nothing_of_a_user_is_left_but_what_happened(service: Running) -> None:
    app = await service.web_app()
    user_id = await service.user(user_name="ann", role="admin")
    issued = await service.redeem(app, await service.code(app, user_id))
    await service.code(app, user_id)
    as_admin = await person(service, await people_app(service), user_id)
    request = DeleteUserRequest(user_id=await service.user())
    await service.users.DeleteUser(request, metadata=as_admin)
    before = [row["event"] for row in await service.audit(user_id=user_id)]
    sid = content(issued.access_token)["sid"]

    await service.delete_user(user_id)

    assert await service.audit(user_id=user_id) == []
    assert await service.audit(actor=user_id) == []
    deleted = (await service.audit(event="user.deleted"))[-1]
    assert deleted["actor"] == service.made["operator"]["client_id"]
    rows = await service.audit(user_id=deleted["user_id"])
    assert [row["event"] for row in rows] == [*before, "user.deleted"]
    assert {row["proof_identity"] for row in rows} == {None}
    assert len(await service.audit(actor=deleted["user_id"])) == 1
    assert user_id not in deleted["user_id"]
    async with service.database() as database:
        for table in ("app_user", "session", "authorization_code"):
            query = f"select count(*) from token.{table} where domain_id = $1 and user_id = $2"
            assert await database.fetchval(query, DOMAIN, user_id) == 0, table
        assert await database.fetchval("select count(*) from token.session where session_id::text = $1", sid) == 0
    assert await service.user_events(user_id) == ["created", "deleted"]


async def test_what_was_issued_is_dead_for_another_user_of_the_same_id_too(service: Running) -> None:
    app, web = await service.jwt_app(), await service.web_app()
    user_id = await service.user()
    issued = await service.by_assertion(app, user_id)
    code = await service.code(web, user_id)
    await service.delete_user(user_id)
    await refused(service.refresh(app, issued.refresh_token), "INVALID_REFRESH_TOKEN")
    assert await service.user(user_id=user_id) == user_id
    await refused(service.refresh(app, issued.refresh_token), "INVALID_REFRESH_TOKEN")
    await refused(service.redeem(web, code), "INVALID_GRANT")
    # Access tokens that were issued until then are revoked, of whichever session.
    (revoked,) = await service.revocations(user_id)
    assert revoked["kind"] == "user"
    assert content(issued.access_token)["iat"] <= revoked["revoked_at"].timestamp()
    # The new one is a user like any other.
    again = await service.by_assertion(app, user_id)
    assert again.is_first_login
    await service.refresh(app, again.refresh_token)


async def test_no_token_is_given_once_the_answer_is_there(service: Running) -> None:
    app, web = await service.jwt_app(), await service.web_app()
    for _ in range(5):
        user_id = await service.user()
        token = (await service.by_assertion(app, user_id)).refresh_token
        codes = [await service.code(web, user_id) for _ in range(3)]
        under_way = [
            *(asyncio.ensure_future(service.refresh(app, token)) for _ in range(4)),
            *(asyncio.ensure_future(service.by_assertion(app, user_id)) for _ in range(4)),
            *(asyncio.ensure_future(service.redeem(web, code)) for code in codes[:2]),
        ]
        await service.delete_user(user_id)
        await refused(service.refresh(app, token), "INVALID_REFRESH_TOKEN")
        await refused(service.by_assertion(app, user_id), "INVALID_GRANT")
        await refused(service.redeem(web, codes[2]), "INVALID_GRANT")
        ended: list[Any] = await asyncio.gather(*under_way, return_exceptions=True)
        for answer in ended:
            if not isinstance(answer, BaseException):
                issued_to = web if content(answer.access_token)["client_id"] == web.client_id else app
                await refused(service.refresh(issued_to, answer.refresh_token), "INVALID_REFRESH_TOKEN")


async def test_one_of_ten_deletes(service: Running) -> None:
    user_id = await service.user()
    answers = await asyncio.gather(*(service.delete_user(user_id) for _ in range(10)), return_exceptions=True)
    assert answers.count(None) == 1
    assert await service.user_events(user_id) == ["created", "deleted"]


async def test_an_etag_is_of_one_state(service: Running) -> None:
    user_id = await service.user()
    etag = (await service.update_user(user_id)).etag
    await service.update_user(user_id, nick_name="x")
    await refused(service.delete_user(user_id, etag=etag), "ETAG_MISMATCH")
    await service.delete_user(user_id, etag=(await service.update_user(user_id)).etag)
    operator = await service.operator()
    call = service.users.GetUser(UserServiceGetUserRequest(user_id=user_id), metadata=operator)
    await refused(call, "NOT_FOUND_USER")


async def test_nobody_deletes_a_user_of_a_higher_role(service: Running) -> None:
    first, admin_id, user_id = service.made["user_id"], await service.user(role="admin"), await service.user()
    admin = await person(service, await people_app(service), await service.user(role="admin"))
    writer = await service.caller("token.user.write")

    async def delete(caller: Any, whom: str) -> None:
        await service.users.DeleteUser(DeleteUserRequest(user_id=whom), metadata=caller)

    await refused(delete(admin, first), "PERMISSION_DENIED")
    await refused(delete(await service.operator(), first), "PERMISSION_DENIED")
    await refused(delete(writer, admin_id), "PERMISSION_DENIED")
    await refused(delete(await service.caller("token.user.read"), user_id), "PERMISSION_DENIED")
    await delete(writer, user_id)
    await delete(admin, admin_id)


async def test_users_who_are_not_there(service: Running) -> None:
    await refused(service.delete_user("nobody"), "NOT_FOUND_USER")
    await refused(service.delete_user("a b"), "FIELD_INVALID", "user_id")
    await refused(service.delete_user(""), "FIELD_MISSING", "user_id")
    await refused(service.delete_user("nobody", etag="x" * 65), "FIELD_INVALID", "etag")
