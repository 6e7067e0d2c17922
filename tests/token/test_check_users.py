"""CheckUsers: which of some users are not there, and who may ask."""

import pytest
from tessera.token.v1 import feed_service_pb2 as pb2
from tessera.token.v1 import feed_service_pb2_grpc as pb2_grpc

from tests.support.calls import Metadata, refused
from tests.support.token import DOMAIN, Running


async def check(service: Running, caller: Metadata, *user_ids: str, domain_id: str = DOMAIN) -> list[str]:
    request = pb2.CheckUsersRequest(domain_id=domain_id, user_ids=user_ids)
    answer = await pb2_grpc.UserFeedServiceStub(service.channel).CheckUsers(request, metadata=caller)
    return list(answer.unknown_user_ids)


@pytest.fixture
async def watcher(service: Running) -> Metadata:
    return await service.caller("token.user.watch")


async def test_those_are_named_who_are_not_there(service: Running, watcher: Metadata) -> None:
    here, deleted, disabled = [await service.user() for _ in range(3)]
    await service.delete_user(deleted)
    await service.set_status(disabled, "disabled")
    asked = (here, deleted, "nobody", "no user's id!", disabled)
    assert sorted(await check(service, watcher, *asked)) == sorted([deleted, "nobody", "no user's id!"])
    assert await check(service, watcher, here, disabled) == []


async def test_1000_at_once(service: Running, watcher: Metadata) -> None:
    here = await service.user()
    others = [f"u{number}" for number in range(999)]
    assert sorted(await check(service, watcher, here, *others)) == sorted(others)
    await refused(check(service, watcher, *others, "a", "b"), "FIELD_INVALID", "user_ids")
    await refused(check(service, watcher), "FIELD_MISSING", "user_ids")
    await refused(check(service, watcher, "a\nb"), "FIELD_INVALID", "user_ids")


async def test_other_domains_are_for_accounts_identity_alone(service: Running, watcher: Metadata) -> None:
    here = await service.user()
    await refused(check(service, watcher, here, domain_id="elsewhere"), "PERMISSION_DENIED")
    minter = await service.minter()
    assert await check(service, minter, here, domain_id="elsewhere") == [here]
    assert await check(service, minter, here) == []


async def test_it_asks_for_the_permission(service: Running) -> None:
    await refused(check(service, await service.caller("token.user.read"), "x"), "PERMISSION_DENIED")
    await refused(check(service, [], "x"), "UNAUTHENTICATED")
