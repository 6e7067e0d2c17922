"""What a test needs that breaks a running stack: whom to kill, and who notices."""

import asyncio
import os
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import psutil

from tests.support.world import World

BATCH = "/v3/device/account/batchoperate"
QUERY = "/v3/device/account/query"


def listener(address: str) -> int:
    """The process that listens on an address."""
    port = int(address.rpartition(":")[2])
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            return connection.pid
    raise LookupError(address)


@asynccontextmanager
async def stopped(address: str) -> AsyncIterator[None]:
    """While the process that listens on an address stands still. Nobody starts another one meanwhile."""
    process = listener(address)
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)
        # It finds that its database did not answer in time, and connects again, within a heartbeat of seeming ready.
        await asyncio.sleep(1.5)


async def until_ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while (await http.get("/ready")).status_code != 200:
            await asyncio.sleep(0.05)


class Writer:
    """Binds one token after the other until told to stop; keeps what was acknowledged and what was refused."""

    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        self._world, self._http = world, http
        self.acknowledged: list[str] = []
        self.refused: list[httpx.Response] = []
        self.stopping = False

    async def run(self) -> None:
        while not self.stopping:
            token = uuid.uuid4().hex
            body = {
                "operator_type": 2,
                "token_accounts": [{"token": token, "account_list": [{"account": f"{token}@example.com"}]}],
            }
            answer = await self._http.post(BATCH, json=body, auth=self._world.push())
            if answer.json()["ret_code"] == 0:
                self.acknowledged.append(token)
            else:
                self.refused.append(answer)
                await asyncio.sleep(0.02)

    async def until_acknowledged(self, further: int) -> None:
        """Wait for so many acknowledgements more."""
        wanted = len(self.acknowledged) + further
        async with asyncio.timeout(30):
            while len(self.acknowledged) < wanted:
                await asyncio.sleep(0.02)

    async def check(self) -> None:
        """Every token that was acknowledged is bound."""
        for start in range(0, len(self.acknowledged), 500):
            query = {"operator_type": 2, "token_list": self.acknowledged[start : start + 500]}
            answer = (await self._http.post(QUERY, json=query, auth=self._world.push())).json()
            assert set(answer["result"]) == {"0"}
