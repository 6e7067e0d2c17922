"""Users and sessions of one domain do not exist in another, whatever their ids."""

from tessera.token.v1 import session_service_pb2, user_service_pb2

from tests.support.calls import refused
from tests.support.token import Running
from tests.support.token_client import content


async def test_another_domains_users_and_sessions_are_not_there(own: Running) -> None:
    app = await own.jwt_app()
    user_id = await own.user(user_id="same", nick_name="Ours")
    issued = await own.by_assertion(app, user_id)
    other = await own.tenant("bj2")
    caller = await other.operator()
    for call in (
        other.users.GetUser(user_service_pb2.UserServiceGetUserRequest(user_id=user_id), metadata=caller),
        other.update_user(user_id, nick_name="Theirs"),
        other.delete_user(user_id),
        other.sessions.RevokeUserSessions(
            session_service_pb2.RevokeUserSessionsRequest(user_id=user_id), metadata=caller
        ),
    ):
        await refused(call, "NOT_FOUND_USER")
    sid = content(issued.access_token)["sid"]
    await refused(
        other.sessions.RevokeSession(session_service_pb2.RevokeSessionRequest(session_id=sid), metadata=caller),
        "NOT_FOUND_SESSION",
    )
    await refused(
        other.sessions.RevokeAppSessions(
            session_service_pb2.RevokeAppSessionsRequest(client_id=app.client_id), metadata=caller
        ),
        "NOT_FOUND_APP",
    )
    for query in ({"user_id": user_id}, {"client_id": app.client_id}):
        request = session_service_pb2.ListSessionsRequest(**query)
        assert not (await other.sessions.ListSessions(request, metadata=caller)).sessions

    # An id may be in both, and is then two users.
    assert await other.user(user_id=user_id, nick_name="Theirs") == user_id
    await other.set_status(user_id, "disabled")
    await other.delete_user(user_id)
    assert (await own.refresh(app, issued.refresh_token)).nick_name == "Ours"


async def test_a_page_belongs_to_its_domain(own: Running) -> None:
    await own.user()
    request = user_service_pb2.ListUsersRequest(limit=1)
    ours = await own.users.ListUsers(request, metadata=await own.operator())
    assert ours.next_marker
    other = await own.tenant("bj2")
    caller = await other.operator()
    theirs = await other.users.ListUsers(user_service_pb2.ListUsersRequest(), metadata=caller)
    assert [user.user_id for user in theirs.items] == [other.made["user_id"]]
    request = user_service_pb2.ListUsersRequest(marker=ours.next_marker)
    await refused(other.users.ListUsers(request, metadata=caller), "FIELD_INVALID", "marker")
