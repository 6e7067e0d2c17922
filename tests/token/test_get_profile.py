"""GetUser of UserService; test_get_user.py has that of MintService."""

from tessera.token.v1.user_service_pb2 import UserServiceGetUserRequest

from tests.support.callers import people_app, person
from tests.support.calls import Metadata, refused
from tests.support.token import Running


async def test_a_user_is_found_by_whoever_may_read(service: Running) -> None:
    user_id = await service.user(nick_name="Ann")
    app = await people_app(service)
    for caller in (
        await service.caller("token.user.read"),
        await person(service, app, await service.user(role="admin")),
    ):
        found = await service.users.GetUser(UserServiceGetUserRequest(user_id=user_id), metadata=caller)
        assert (found.user_id, found.nick_name) == (user_id, "Ann")


async def test_whoever_may_not_is_refused(service: Running) -> None:
    user_id = await service.user()
    person_itself = await person(service, await people_app(service), user_id)
    by_write_alone = await service.caller("token.user.write")
    for caller in (person_itself, by_write_alone, Metadata()):
        call = service.users.GetUser(UserServiceGetUserRequest(user_id=user_id), metadata=caller)
        assert (await refused(call)).reason in ("PERMISSION_DENIED", "UNAUTHENTICATED")


async def test_users_who_are_not_there(service: Running) -> None:
    operator = await service.operator()
    for user_id, reason in (("nobody", "NOT_FOUND_USER"), ("a b", "FIELD_INVALID"), ("", "FIELD_MISSING")):
        call = service.users.GetUser(UserServiceGetUserRequest(user_id=user_id), metadata=operator)
        await refused(call, reason)


async def test_one_whom_an_assertion_made_has_no_creator(service: Running) -> None:
    app = await service.jwt_app()
    await service.by_assertion(app, "came-by-assertion", auto_create=True)
    found = await service.users.GetUser(
        UserServiceGetUserRequest(user_id="came-by-assertion"), metadata=await service.operator()
    )
    assert (found.creator, found.role, found.status) == ("", "user", "enabled")
