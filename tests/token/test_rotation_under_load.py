"""Keys are replaced again and again while three processes sign and everybody verifies, and nothing is ever refused."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from joserfc.jwk import KeySet
from tessera.edge import external_auth_pb2 as auth_pb2

from services.runtime.auth import EDGE_HEADER, Authenticator
from services.runtime.keys import RemoteKeys
from services.runtime.revocations import Revocations
from tests.support.calls import bearer
from tests.support.signing_keys import another, events, jwks, key_of, listed, rotate, until, verified
from tests.support.token import Running, run_bootstrap, serving, settings_of
from tests.support.token_client import basic

# What each of the verifiers may keep a JWKS for, to the last moment.
AHEAD = timedelta(seconds=2)
ROTATIONS = 2


@dataclass
class Verifier:
    """A resource server that is not ours: it keeps a JWKS for as long as it may, and never asks for a key."""

    source: Running
    keys: KeySet | None = None
    read_at: float = 0

    async def verify(self, access_token: str) -> None:
        if self.keys is None or time.monotonic() - self.read_at > AHEAD.total_seconds():
            self.keys, self.read_at = await jwks(self.source), time.monotonic()
        verified(access_token, self.keys)


@asynccontextmanager
async def remote(service: Running, name: str, folder: Path) -> AsyncIterator[Authenticator]:
    """A service of ours that follows the keys of one of the processes."""
    keys = RemoteKeys(service.settings.listen, folder)
    await keys.start()
    try:
        await until(lambda: _has(keys))
        yield Authenticator(name, keys, service.clock, Revocations(service.clock, timedelta(seconds=30)))
    finally:
        await keys.close()


@pytest.mark.timeout(300)
async def test_no_verification_fails(database_url: Callable[[str], str], tmp_path: Path) -> None:
    settings = replace(settings_of(database_url("token"), tmp_path), key_publish_ahead=AHEAD)
    made = await run_bootstrap(settings, tmp_path)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(serving(settings, made))
        replicas = [first] + [await stack.enter_async_context(another(first)) for _ in range(2)]
        for number in range(3):
            (tmp_path / f"{number}").mkdir()
        ours = [
            await stack.enter_async_context(remote(each, "binding", tmp_path / f"{number}"))
            for number, each in enumerate(replicas)
        ]
        theirs = [Verifier(each) for each in replicas]
        app, push = await first.jwt_app(), await first.push_app()
        gateway = basic(str(push.access_id), push.secret_key)
        used: Counter[str] = Counter()
        over = asyncio.Event()

        async def session(user_id: str, start: int) -> None:
            """A person whose every refresh goes to another process, and whose every token to other verifiers."""
            token = await replicas[start].by_assertion(app, user_id)
            for turn in itertools.count(start):
                await ours[turn % 3].authenticate(dict(bearer(token.access_token)))
                await theirs[(turn + 1) % 3].verify(token.access_token)
                used[key_of(token.access_token)] += 1
                if over.is_set():
                    return
                await asyncio.sleep(0.02)
                token = await replicas[(turn + 2) % 3].refresh(app, token.refresh_token)

        async def devices(start: int) -> None:
            """A push backend, whose every credential becomes an edge token."""
            for turn in itertools.count(start):
                token = await edge_token(replicas[turn % 3], gateway)
                await ours[(turn + 1) % 3].authenticate({EDGE_HEADER: token})
                used[key_of(token)] += 1
                if over.is_set():
                    return
                await asyncio.sleep(0.05)

        async def rotations() -> None:
            try:
                for turn in range(ROTATIONS):
                    coming = [await rotate(replicas[turn % 3], use) for use in ("access", "edge", "refresh")]
                    for key, use in zip(coming, ("access", "edge", "refresh"), strict=True):
                        await until(lambda key=key, use=use: _signs(first, use, key.key_id), seconds=40)
            finally:
                over.set()

        people = [await first.user() for _ in range(6)]
        async with asyncio.TaskGroup() as group:
            group.create_task(rotations())
            for number, user_id in enumerate(people):
                group.create_task(session(user_id, number % 3))
            group.create_task(devices(0))
        assert len(await events(first, "activated")) == 3 * ROTATIONS
    # Each access and edge key but perhaps the last ones was in use, also the first ones.
    assert len(used) >= 2 * ROTATIONS
    assert sum(used.values()) > 200


async def edge_token(service: Running, credential: str) -> str:
    """What the gateway gets for a push app's secret."""
    http = auth_pb2.AttributeContext.HttpRequest(method="POST", headers={"authorization": credential})
    attributes = auth_pb2.AttributeContext(
        request=auth_pb2.AttributeContext.Request(http=http),
        context_extensions={"surface": "tpns", "audience": "binding"},
    )
    answer = await service.edge.Check(auth_pb2.CheckRequest(attributes=attributes), metadata=service.gateway())
    (option,) = answer.ok_response.headers
    return str(option.header.value)


async def _has(keys: RemoteKeys) -> bool:
    return keys.problem is None


async def _signs(service: Running, use: str, key_id: str) -> bool:
    await asyncio.sleep(0.3)
    return (await listed(service, use))["active"].key_id == key_id
