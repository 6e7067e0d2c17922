from tessera.token.v1 import token_service_pb2

from tests.support.calls import refused
from tests.support.token import DOMAIN, Running


async def _get(service: Running, user_id: str, domain_id: str = DOMAIN) -> token_service_pb2.GetUserResponse:
    request = token_service_pb2.GetUserRequest(domain_id=domain_id, user_id=user_id)
    return await service.mint.GetUser(request, metadata=await service.minter())


async def test_who_a_user_is(service: Running) -> None:
    user_id = await service.user(role="admin")
    answer = await _get(service, user_id)
    assert (answer.user_id, answer.role, answer.status) == (user_id, "admin", "enabled")
    await service.set_status(user_id, "disabled")
    assert (await _get(service, user_id)).status == "disabled"


async def test_users_that_are_not_there(service: Running) -> None:
    await refused(_get(service, "nobody"), "NOT_FOUND_USER")
    await refused(_get(service, await service.user(), "bj2"), "NOT_FOUND_USER")
    await refused(_get(service, ""), "FIELD_MISSING", "user_id")
