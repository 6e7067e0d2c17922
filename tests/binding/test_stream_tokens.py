"""StreamTokens: any number of accounts, while neither side keeps more than a message or two."""

import asyncio
import gc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import psutil
import pytest
from tessera.binding.v1 import device_token_service_pb2 as pb2

from services.binding.wiring import wire
from services.runtime.clock import Clock
from services.runtime.server import opened
from tests.binding.callers import PushApp
from tests.binding.conftest import PushApps, settings_for
from tests.binding.device_tokens import Caller, keys, named, typed
from tests.support.calls import bearer, believed, refusal_in, refused
from tests.support.token import Running

Requests = AsyncIterator[pb2.StreamTokensRequest]
BATCH = 1000
MIB = 2**20


def ask(*items: Any) -> pb2.StreamTokensRequest:
    return pb2.StreamTokensRequest(accounts=map(typed, items))


async def requests(*messages: pb2.StreamTokensRequest) -> Requests:
    for message in messages:
        yield message


async def answers(stream: Any) -> list[list[tuple[str, int, str]]]:
    """What was answered to each request: the answers that belong together, as one."""
    found: list[list[tuple[str, int, str]]] = [[]]
    async for answer in stream:
        assert len(answer.bindings) <= 1000
        found[-1] += keys(answer.bindings)
        if answer.complete:
            found.append([])
    assert found.pop() == []
    return found


async def bind_rows(connection: asyncpg.Connection, access_id: int, accounts: int, tokens: int = 1) -> None:
    """Bind each of so many accounts to so many tokens."""
    await connection.execute(
        """
        insert into binding.binding (access_id, token, account_type, account, op, bound_at)
        select $1, 'token ' || n || '/' || m, 0, 'account ' || n, nextval('binding.op'), now()
        from generate_series(0, $2 - 1) as n, generate_series(1, $3) as m
        """,
        access_id,
        accounts,
        tokens,
    )


async def test_each_message_is_answered_in_its_order(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    await caller.bind(*(named(f"t{n}", "ann", (f"account {n}", 7)) for n in range(4)))
    asked = requests(
        ask(("account 2", 7), "ann", ("account 2", 7)),
        ask("nobody"),
        ask(("account 0", 7)),
        ask("ann", ("account 1", 7)),
        ask(("account 0", 7)),
    )
    anns = [(f"t{n}", 0, "ann") for n in (3, 2, 1, 0)]
    assert await answers(caller.stream(asked)) == [
        [("t2", 7, "account 2"), *anns],
        [],
        [("t0", 7, "account 0")],
        [*anns, ("t1", 7, "account 1")],
        [("t0", 7, "account 0")],
    ]


async def test_what_is_more_than_a_message_comes_in_several(push_app: PushApp) -> None:
    await bind_rows(push_app.connection, push_app.access_id, accounts=60, tokens=50)
    caller = Caller.of(push_app)
    order = [*range(59, -1, -1)]
    asked = requests(ask(*(f"account {n}" for n in order)), ask("account 7"))
    seen = [(len(answer.bindings), answer.complete) async for answer in caller.stream(asked)]
    assert seen == [(1000, False), (1000, False), (1000, True), (50, True)]
    first, _ = await answers(caller.stream(requests(ask(*(f"account {n}" for n in order)), ask("account 7"))))
    assert first == [(f"token {n}/{m}", 0, f"account {n}") for n in order for m in range(50, 0, -1)]


async def test_each_is_answered_before_the_next_is_sent(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    await caller.bind(named("one", "ann"))
    stream = caller.stream()
    for asked, token in (("ann", ["one"]), ("bob", []), ("ann", ["one"])):
        await stream.write(ask(asked))
        answer = await stream.read()
        assert ([binding.token for binding in answer.bindings], answer.complete) == (token, True)
    await stream.done_writing()
    assert await stream.read() is grpc.aio.EOF
    assert await stream.code() is grpc.StatusCode.OK


async def test_without_a_message_it_ends(push_app: PushApp) -> None:
    stream = Caller.of(push_app).stream(requests())
    assert await answers(stream) == []
    assert await stream.code() is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("bad", "reason", "field"),
    [
        (ask(), "FIELD_MISSING", "accounts"),
        (ask("ann", ""), "FIELD_MISSING", "accounts[1].account"),
        (ask("ann", "a"), "FIELD_INVALID", "accounts[1].account"),
        (ask(("ann", -1)), "FIELD_INVALID", "accounts[0].type"),
        (ask(*["ann"] * 1001), "FIELD_INVALID", "accounts"),
    ],
)
async def test_a_message_that_is_none_ends_it_and_what_was_answered_holds(
    push_app: PushApp, bad: pb2.StreamTokensRequest, reason: str, field: str
) -> None:
    caller = Caller.of(push_app)
    await caller.bind(named("one", "ann"))
    stream = caller.stream()
    await stream.write(ask("ann"))
    assert keys((await stream.read()).bindings) == [("one", 0, "ann")]
    await stream.write(bad)
    refusal = await refused(stream.read(), reason, field)
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT


async def test_bytes_that_are_no_message(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    await caller.bind(named("one", "ann"))
    raw = push_app.channel.stream_stream("/tessera.binding.v1.DeviceTokenService/StreamTokens")
    stream = raw(metadata=bearer(push_app.token))
    await stream.write(ask("ann").SerializeToString())
    assert keys(pb2.StreamTokensResponse.FromString(await stream.read()).bindings) == [("one", 0, "ann")]
    await stream.write(b"\xff\xff\xff")
    await refused(stream.read(), "REQUEST_MALFORMED")


@pytest.mark.timeout(300)
async def test_100000_accounts_without_growing(push_apps: PushApps) -> None:
    """Service and caller are this process: what either kept of them would be seen."""
    push_app = await push_apps()
    count = 100_000
    await bind_rows(push_app.connection, push_app.access_id, count)
    sizes: list[int] = []
    process = psutil.Process()

    async def asked() -> Requests:
        for start in range(0, count, BATCH):
            if start in (20_000, count - BATCH):
                gc.collect()
                sizes.append(process.memory_info().rss)
            yield ask(*(f"account {n}" for n in range(start, start + BATCH)))

    found = 0
    async for answer in Caller.of(push_app).stream(asked()):
        for token, _, account in keys(answer.bindings):
            assert (token, account) == (f"token {found}/1", f"account {found}")
            found += 1
    assert found == count
    # Of 80,000 accounts and bindings the messages alone are 6.5 MB, and as objects 35.
    early, late = sizes
    assert late - early < 6 * MIB


async def test_who_takes_no_answers_sends_no_more(push_app: PushApp) -> None:
    """The service reads on only as fast as it is read: what was sent and not read is what gRPC's windows hold."""
    caller = Caller.of(push_app)
    # 200 kB each, and an answer that is twice as long.
    long = [f"{n:03}{'x' * 197}" for n in range(1000)]
    await caller.bind(*(named(text, text) for text in long))
    message, sent = ask(*long), 0

    async def asked() -> Requests:
        nonlocal sent
        while True:
            yield message
            sent += 1

    stream = caller.stream(asked())
    assert (await stream.read()).complete
    held = -1
    async with asyncio.timeout(60):
        while sent != held:
            held = sent
            await asyncio.sleep(2)
    assert held < 150
    # It goes on when it is read.
    for _ in range(held):
        assert (await stream.read()).complete
    assert sent > held
    stream.cancel()


async def test_a_caller_who_goes_away_leaves_nothing_behind(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    await caller.bind(named("one", "ann"))
    before = _streams()

    async def asked() -> Requests:
        while True:
            yield ask("ann")

    streams = [caller.stream(asked()) for _ in range(5)]
    for stream in streams:
        await stream.read()
    assert _streams() >= before + 5
    for stream in streams:
        stream.cancel()
    async with asyncio.timeout(30):
        while _streams() > before:
            await asyncio.sleep(0.05)
            gc.collect()


def _streams() -> int:
    """How many StreamTokens the service has under way."""
    return sum(getattr(each, "__qualname__", "") == "DeviceTokenServicer.StreamTokens" for each in gc.get_objects())


async def test_it_ends_with_the_access_token_and_with_the_service(
    push_app: PushApp, token_service: Running, databases: Any, tmp_path: Path
) -> None:
    clock = Clock()
    settings = settings_for(databases.fresh("binding"), token_service.settings.listen, tmp_path)
    async with grpc.aio.insecure_channel(str(settings.listen[0])) as channel:
        async with opened("binding", settings, wire, clock):
            caller = Caller(channel, push_app.token)
            await believed(lambda: caller.bind(named("one", "ann")))
            left, ended = caller.stream(), caller.stream()
            watching = caller.watch()
            for stream in (left, ended):
                await stream.write(ask("ann"))
                assert keys((await stream.read()).bindings) == [("one", 0, "ann")]
            await anext(aiter(watching))
            clock.shift(timedelta(minutes=5, seconds=1))
            await ended.write(ask("ann"))
            await refused(ended.read(), "UNAUTHENTICATED")
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                async with asyncio.timeout(10):
                    async for _ in watching:
                        pass
            assert refusal_in(caught.value).reason == "UNAUTHENTICATED"
        # It waited for a message all the while.
        assert (await refused(left.read(), "UNAVAILABLE")).code == grpc.StatusCode.UNAVAILABLE
