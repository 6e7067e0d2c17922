"""Real processes of a service, which a test may kill."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from services.runtime.env import Address
from services.runtime.supervisor import Process, Supervisor
from tests.support.calls import SERVING, until_health
from tests.support.faults import listener
from tests.support.ports import free_ports

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Processes:
    """Processes of the service on one database; what is killed comes back.

    Args:
        dsn: their database.
        addresses: where each of them listens.
    """

    dsn: str
    addresses: tuple[Address, ...]

    async def kill(self, number: int) -> None:
        """End one without a word; answers when it serves again."""
        victim = await self.pid(number)
        os.kill(victim, signal.SIGKILL)
        async with asyncio.timeout(30):
            while await self.pid(number) in (0, victim):
                await asyncio.sleep(0.2)
        await self.until_serving(number)

    async def pid(self, number: int) -> int:
        """One process's id; 0 while there is none."""
        try:
            return await asyncio.to_thread(listener, str(self.addresses[number]))
        except LookupError:
            return 0

    async def until_serving(self, *numbers: int) -> None:
        """Wait until these are ready."""
        for number in numbers:
            async with grpc.aio.insecure_channel(str(self.addresses[number]), options=IMPATIENT) as channel:
                await until_health(channel, SERVING)


IMPATIENT = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100))
"""Options of a channel that soon finds whoever came back."""


@asynccontextmanager
async def processes(
    number: int, dsn: str, token_address: tuple[Address, ...], folder: Path, service: str = "binding", **settings: str
) -> AsyncIterator[Processes]:
    """Run processes of a service, with further settings of its own, until they are ready, and stop them at the end."""
    made = Processes(dsn, tuple(Address("127.0.0.1", port) for port in free_ports(number)))
    environ = {
        "TESSERA_DSN": dsn,
        "TESSERA_LISTEN": _listed(made.addresses),
        "TESSERA_STATE_DIR": str(folder / "state"),
        "TESSERA_TOKEN_ADDRESS": _listed(token_address),
        "TESSERA_LAME_DUCK": "0",
        "TESSERA_DRAIN": "1",
        "TESSERA_LOG_LEVEL": "error",
    } | settings
    rest = {name: value for name, value in os.environ.items() if not name.startswith("TESSERA_")}
    argv = (sys.executable, "-m", f"services.{service}", "serve")
    supervisor = Supervisor(lambda name, line: print(f"{name}: {line}"))
    try:
        await supervisor.start(Process(name=service, argv=argv, env=rest | environ, cwd=_ROOT))
        async with asyncio.timeout(60):
            while not all([await made.pid(place) for place in range(number)]):
                await asyncio.sleep(0.2)
        await made.until_serving(*range(number))
        yield made
    finally:
        await supervisor.stop()


def _listed(addresses: tuple[Address, ...]) -> str:
    return ",".join(map(str, addresses))
