"""Postgres itself dies under load, again and again: what was acknowledged stands, and all services come back."""

import asyncio
import os
import signal
import uuid
from pathlib import Path

import httpx
import pytest

from deploy.local.stack import Stack
from tests.support.faults import Writer, until_ready
from tests.support.stack import running_stack
from tests.support.world import World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROUNDS = 5


class Session:
    """Refreshes without pause; what it holds is the last refresh token that was acknowledged."""

    def __init__(self, world: World, http: httpx.AsyncClient, held: str) -> None:
        self._http = http
        self._client = {"grant_type": "refresh_token", "client_id": world.demo["jwt_client_id"]}
        self._held = held
        self.refreshed = 0
        self.stopping = False

    async def run(self) -> None:
        while not self.stopping:
            answer = await self._http.post("/v2/oauth/token", data=self._client | {"refresh_token": self._held})
            if answer.status_code == 200:
                self._held = answer.json()["refresh_token"]
                self.refreshed += 1
            else:
                # Never that the token is bad: the session would be lost.
                assert (answer.status_code, answer.json()["code"]) == (503, "ServiceUnavailable"), answer.text
                await asyncio.sleep(0.05)


class Linker:
    """Links one identity after the other; keeps what was acknowledged."""

    def __init__(self, world: World, http: httpx.AsyncClient, bearer: dict[str, str]) -> None:
        self._http, self._bearer = http, bearer
        self._user_id = world.demo["user_id"]
        self.acknowledged: set[str] = set()
        self.stopping = False

    async def run(self) -> None:
        while not self.stopping:
            identity = uuid.uuid4().hex
            answer = await self._post("link", type="custom", identity=identity)
            if answer.status_code == 200:
                self.acknowledged.add(identity)
            else:
                assert (answer.status_code, answer.json()["code"]) == (503, "ServiceUnavailable"), answer.text
            await asyncio.sleep(0.05)

    async def check(self) -> None:
        """Every link that was acknowledged is there."""
        items = (await self._post("get_link_info_by_user_id")).json()["items"]
        assert self.acknowledged <= {item["identity"] for item in items}

    async def _post(self, path: str, **fields: str) -> httpx.Response:
        body = {"user_id": self._user_id, **fields}
        return await self._http.post(f"/v2/account/{path}", json=body, headers=self._bearer)


def postmaster(stack: Stack) -> int:
    """Postgres's first process; 0 while there is none."""
    try:
        return int((stack.home.postgres / "postmaster.pid").read_text(encoding="ascii").split()[0])
    except (FileNotFoundError, IndexError):
        return 0


async def test_what_was_acknowledged_survives(tmp_path: Path) -> None:
    async with running_stack(tmp_path) as (stack, world), world.http() as http:
        await until_ready(http)
        first = (await http.post("/v2/oauth/token", data=world.by_assertion())).json()
        session = Session(world, http, first["refresh_token"])
        linker = Linker(world, http, await world.bearer(http))
        writers = [Writer(world, http) for _ in range(4)]
        async with asyncio.TaskGroup() as tasks:
            for each in (session, linker, *writers):
                tasks.create_task(each.run())
            for _ in range(ROUNDS):
                await further(session, linker, writers)
                victim = postmaster(stack)
                os.kill(victim, signal.SIGKILL)
                async with asyncio.timeout(60):
                    while postmaster(stack) in (0, victim):
                        await asyncio.sleep(0.02)
            await further(session, linker, writers)
            await until_ready(http)
            for each in (session, linker, *writers):
                each.stopping = True
        assert any(writer.refused for writer in writers)
        for writer in writers:
            for refusal in writer.refused:
                assert (refusal.status_code, refusal.json()["ret_code"]) == (200, 1008004), refusal.text
            await writer.check()
        await linker.check()


async def further(session: Session, linker: Linker, writers: list[Writer]) -> None:
    """Wait until each of them got further."""

    def counts() -> list[int]:
        return [session.refreshed, len(linker.acknowledged), *(len(writer.acknowledged) for writer in writers)]

    before = counts()
    async with asyncio.timeout(60):
        while any(now < then + 10 for now, then in zip(counts(), before, strict=True)):
            await asyncio.sleep(0.05)
