"""WatchUsers: whose users a caller is told of, and from when on."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
from tessera.token.v1 import feed_service_pb2 as pb2
from tessera.token.v1 import feed_service_pb2_grpc as pb2_grpc

from services.runtime.ids import uuid7
from services.token.store import Store
from tests.support.calls import Metadata, bearer, refused
from tests.support.token import DOMAIN, Running
from tests.support.token_client import App

CREATED, UPDATED, DELETED = pb2.UserEvent.KIND_CREATED, pb2.UserEvent.KIND_UPDATED, pb2.UserEvent.KIND_DELETED


def watch(service: Running, caller: Metadata, cursor: str = "") -> AsyncIterator[pb2.WatchUsersResponse]:
    stub = pb2_grpc.UserFeedServiceStub(service.channel)
    return stub.WatchUsers(pb2.WatchUsersRequest(cursor=cursor), metadata=caller)


async def events(stream: AsyncIterator[pb2.WatchUsersResponse], count: int) -> list[tuple[str, str, int]]:
    """So many events, with none beyond."""
    seen: list[tuple[str, str, int]] = []
    async with asyncio.timeout(30):
        async for message in stream:
            seen += [(event.domain_id, event.user_id, event.kind) for event in message.events]
            if len(seen) >= count:
                break
    assert len(seen) == count
    return seen


@pytest.fixture
async def watcher(service: Running) -> Metadata:
    return await service.caller("token.user.watch")


async def test_what_becomes_of_users_is_told_in_order(service: Running, watcher: Metadata) -> None:
    before = await service.user()
    stream = watch(service, watcher)
    first = await anext(aiter(stream))
    assert (list(first.events), first.up_to_date, bool(first.cursor)) == ([], True, True)
    user_id = await service.user()
    await service.set_status(user_id, "disabled")
    await service.set_status(before, "disabled")
    expected = [(DOMAIN, user_id, CREATED), (DOMAIN, user_id, UPDATED), (DOMAIN, before, UPDATED)]
    assert await events(stream, 3) == expected
    stream.cancel()
    again = watch(service, watcher, first.cursor)
    assert await events(again, 3) == expected
    again.cancel()


async def test_a_user_whom_an_assertion_makes_is_told_once(service: Running, watcher: Metadata) -> None:
    app = await service.jwt_app()
    stream = watch(service, watcher)
    await anext(aiter(stream))
    await service.by_assertion(app, "made-by-assertion", auto_create=True)
    await service.by_assertion(app, "made-by-assertion", auto_create=True)
    assert await events(stream, 1) == [(DOMAIN, "made-by-assertion", CREATED)]
    last = await service.user()
    assert await events(stream, 1) == [(DOMAIN, last, CREATED)]
    stream.cancel()


async def test_other_domains_are_for_accounts_identity_alone(service: Running, watcher: Metadata) -> None:
    account = watch(service, await service.minter())
    stranger = watch(service, watcher)
    for stream in (account, stranger):
        await anext(aiter(stream))
    async with service.database() as database:
        await Store(database).insert_user_event("elsewhere", uuid7(service.clock.now()), "theirs", "deleted")
    ours = await service.user()
    assert await events(account, 2) == [("elsewhere", "theirs", DELETED), (DOMAIN, ours, CREATED)]
    assert await events(stranger, 1) == [(DOMAIN, ours, CREATED)]
    for stream in (account, stranger):
        stream.cancel()


async def test_it_asks_for_the_permission_and_for_a_cursor_that_is_one(service: Running, watcher: Metadata) -> None:
    await refused(anext(aiter(watch(service, []))), "UNAUTHENTICATED")
    await refused(anext(aiter(watch(service, await service.caller("token.user.read")))), "PERMISSION_DENIED")
    await refused(anext(aiter(watch(service, watcher, "x"))), "FIELD_INVALID", "cursor")


async def test_a_stream_ends_with_its_credential(own: Running) -> None:
    app = await own.web_app(permissions=["token.user.watch"])
    stream = watch(own, bearer((await own.by_secret(app)).access_token))
    await anext(aiter(stream))
    await revoke(own, app)
    async with asyncio.timeout(5):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in stream:
                pass
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def revoke(service: Running, app: App) -> None:
    now = service.clock.now()
    async with service.database() as database:
        await Store(database).insert_revocation(DOMAIN, uuid7(now), kind="app", subject=app.client_id, now=now)
