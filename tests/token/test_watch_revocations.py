"""WatchRevocations: who is told what, and that each cause is told."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import grpc
import pytest
from tessera.token.v1 import feed_service_pb2 as pb2
from tessera.token.v1 import feed_service_pb2_grpc as pb2_grpc
from tessera.token.v1 import user_service_pb2

from services.runtime.env import Address
from services.runtime.feed import Cursor
from services.runtime.ids import uuid7
from services.token.store import Store
from tests.support.calls import bearer, refused
from tests.support.ports import free_ports
from tests.support.token import DOMAIN, Running, serving
from tests.support.token_client import content

Stream = AsyncIterator[pb2.WatchRevocationsResponse]


def watch(service: Running, cursor: str = "") -> Stream:
    return pb2_grpc.RevocationServiceStub(service.channel).WatchRevocations(pb2.WatchRevocationsRequest(cursor=cursor))


def digest(*parts: str) -> bytes:
    """As the contract says it."""
    whole = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
    return hashlib.sha256(whole).digest()[:16]


async def told(stream: Stream, kind: str, subject: str) -> pb2.Revocation:
    """The revocation of that subject, when it comes."""
    async with asyncio.timeout(10):
        async for message in stream:
            for revocation in message.revocations:
                if revocation.digest == digest(DOMAIN, kind, subject):
                    return revocation
    raise AssertionError


async def up_to_date(stream: Stream) -> str:
    """The cursor when all was told that there is."""
    async for message in stream:
        if message.up_to_date:
            return message.cursor
    raise AssertionError


async def test_anybody_inside_is_told_and_learns_no_id(service: Running) -> None:
    user_id = await service.user()
    stream = watch(service)
    await up_to_date(stream)
    before = service.clock.timestamp()
    await service.set_status(user_id, "disabled")
    revocation = await told(stream, "user", user_id)
    assert user_id.encode() not in revocation.SerializeToString()
    # What is being signed now, and stamped a little later, is meant, too.
    assert 1 <= revocation.revoked_at.seconds - before <= 4
    stream.cancel()


async def test_a_user_who_is_enabled_is_not_revoked(service: Running) -> None:
    user_id = await service.user()
    stream = watch(service, await up_to_date(watch(service)))
    await service.set_status(user_id, "enabled")
    async with asyncio.timeout(5):
        for _ in range(3):
            assert not (await anext(aiter(stream))).revocations
    stream.cancel()


async def test_a_code_that_is_used_twice_ends_the_access_token_too(service: Running) -> None:
    app, user_id = await service.web_app(), await service.user()
    code = await service.code(app, user_id)
    answer = await service.redeem(app, code)
    stream = watch(service, await up_to_date(watch(service)))
    await refused(service.redeem(app, code), "INVALID_GRANT")
    await told(stream, "session", content(answer.access_token)["sid"])
    stream.cancel()


async def test_a_cursor_goes_on_where_it_was_and_none_begins_with_all(service: Running) -> None:
    first, second = await service.user(), await service.user()
    await service.set_status(first, "disabled")
    stream = watch(service)
    await told(stream, "user", first)
    cursor = await up_to_date(stream)
    stream.cancel()
    await service.set_status(second, "disabled")
    seen = []
    stream = watch(service, cursor)
    async for message in stream:
        seen += [revocation.digest for revocation in message.revocations]
        if digest(DOMAIN, "user", second) in seen:
            break
    stream.cancel()
    assert digest(DOMAIN, "user", first) not in seen
    stream = watch(service)
    await told(stream, "user", second)
    stream.cancel()


@pytest.mark.parametrize("kind", ["session", "user", "app", "key", "token"])
async def test_others_tell_what_they_revoke_in_their_transactions(service: Running, kind: str) -> None:
    subject = service.claims("x")["jti"]
    stream = watch(service, await up_to_date(watch(service)))
    async with service.database() as database:
        store = Store(database)
        now = service.clock.now()
        with pytest.raises(ZeroDivisionError):
            async with store.transaction() as unit:
                await unit.insert_revocation(DOMAIN, new_id(service), kind=kind, subject=f"not-{subject}", now=now)
                raise ZeroDivisionError
        async with store.transaction() as unit:
            await unit.insert_revocation(DOMAIN, new_id(service), kind=kind, subject=subject, now=now)
    await told(stream, kind, subject)
    stream.cancel()
    fresh = watch(service)
    seen = set()
    async for message in fresh:
        seen |= {revocation.digest for revocation in message.revocations}
        if message.up_to_date:
            break
    fresh.cancel()
    assert digest(DOMAIN, kind, f"not-{subject}") not in seen


def new_id(service: Running) -> UUID:
    return uuid7(service.clock.now())


async def test_a_message_comes_at_least_every_second(service: Running) -> None:
    stream = watch(service)
    await up_to_date(stream)
    loop = asyncio.get_running_loop()
    gaps, last = [], loop.time()
    async for message in stream:
        assert message.up_to_date
        gaps.append(loop.time() - last)
        last = loop.time()
        if len(gaps) == 5:
            break
    stream.cancel()
    # A busy machine may be late once.
    assert sorted(gaps)[3] < 1.2


async def test_cursors_that_are_none(service: Running) -> None:
    refusal = await refused(anext(aiter(watch(service, "!"))), "FIELD_INVALID", "cursor")
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    cursor = Cursor.read(await up_to_date(watch(service)))
    for expired in (
        replace(cursor, epoch="another"),
        replace(cursor, base=replace(cursor.base, at=cursor.base.at - 86_401)),
    ):
        refusal = await refused(anext(aiter(watch(service, expired.write()))), "CURSOR_EXPIRED")
        assert refusal.code == grpc.StatusCode.OUT_OF_RANGE


@asynccontextmanager
async def two(service: Running, folder: Path) -> AsyncIterator[Running]:
    """A second replica on the same database."""
    settings = replace(service.settings, listen=(Address("127.0.0.1", free_ports(1)[0]),), state_dir=folder / "other")
    async with serving(settings, service.made) as other:
        yield other


async def test_both_replicas_learn_and_refuse_within_a_second(service: Running, tmp_path: Path) -> None:
    app = await service.web_app(scopes=["ACCOUNT.ALL", "OAUTH.ALL", "USER.ALL"])
    owner = await service.redeem(app, await service.code(app, service.made["user_id"]))
    made = await service.users.CreateUser(
        user_service_pb2.CreateUserRequest(role="superadmin"), metadata=bearer(owner.access_token)
    )
    async with two(service, tmp_path) as other:
        answer = await service.redeem(app, await service.code(app, made.user_id))
        caller = bearer(answer.access_token)
        create = user_service_pb2.CreateUserRequest()
        for replica in (service, other):
            await replica.users.CreateUser(create, metadata=caller)
        await service.users.UpdateUser(
            user_service_pb2.UpdateUserRequest(user_id=made.user_id, status="disabled"),
            metadata=bearer(owner.access_token),
        )
        loop = asyncio.get_running_loop()
        done = loop.time()
        for replica in (service, other):
            await until_refused(replica, caller)
        assert loop.time() - done < 5  # a second, and more for a busy machine
        # Good again is only what is issued later.
        await service.users.UpdateUser(
            user_service_pb2.UpdateUserRequest(user_id=made.user_id, status="enabled"),
            metadata=bearer(owner.access_token),
        )
        for replica in (service, other):
            await refused(replica.users.CreateUser(create, metadata=caller), "UNAUTHENTICATED")


async def until_refused(service: Running, caller: list[tuple[str, str]]) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                await service.users.CreateUser(user_service_pb2.CreateUserRequest(), metadata=caller)
            except grpc.aio.AioRpcError as error:
                assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error  # noqa: PT017 how it ends
                return
            await asyncio.sleep(0.02)


async def test_what_is_old_is_not_told_for_ever(own: Running) -> None:
    """A token's longest life later, a cursor has expired, and nobody is told less than it needs."""
    user_id = await own.user()
    await own.set_status(user_id, "disabled")
    await own.shift(timedelta(hours=23))
    stream = watch(own)
    await told(stream, "user", user_id)
    stream.cancel()
