"""Token's database goes without a word, as when its host loses its power, and another one takes its address."""

import asyncio
import time
from pathlib import Path

import grpc
import pytest
from prometheus_client import REGISTRY

from tests.support.calls import refusal_in
from tests.support.databases import Databases
from tests.support.token import Running, running
from tests.support.token_client import App
from tests.support.wires import wire_to

# The pulse waits for 5 s; the rest is what a busy machine takes.
BACK_SECONDS = 25


class Chain:
    """Refreshes again and again, with the token that was acknowledged last."""

    def __init__(self, service: Running, app: App, refresh_token: str) -> None:
        self._service, self._app, self.refresh_token = service, app, refresh_token
        self.acknowledged_at = 0.0
        self.refused: list[str] = []

    async def run(self) -> None:
        while True:
            try:
                self.refresh_token = (await self._service.refresh(self._app, self.refresh_token)).refresh_token
            except grpc.aio.AioRpcError as error:
                self.refused.append(refusal_in(error).reason)
                await asyncio.sleep(0.05)
            else:
                self.acknowledged_at = time.monotonic()


async def test_everything_comes_back(
    databases: Databases, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with (
        wire_to(databases.fresh("token"), tmp_path_factory.mktemp("w")) as wire,
        running(wire.dsn, tmp_path) as service,
    ):
        app = await service.jwt_app()
        user_id = await service.user()
        chains = [Chain(service, app, (await service.by_assertion(app, user_id)).refresh_token) for _ in range(16)]
        going = [asyncio.create_task(chain.run()) for chain in chains]
        await asyncio.sleep(1)
        wire.cut()
        cut_at = time.monotonic()
        async with asyncio.timeout(BACK_SECONDS):
            while min(chain.acknowledged_at for chain in chains) < cut_at + 1:
                await asyncio.sleep(0.1)
            # What is revoked is known again.
            while (REGISTRY.get_sample_value("tessera_revocations_age_seconds") or 0) > 1:
                await asyncio.sleep(0.1)
        for task in going:
            task.cancel()
        await asyncio.wait(going)
        assert {reason for chain in chains for reason in chain.refused} <= {"UNAVAILABLE", "OVERLOADED"}
        # Nothing that was acknowledged is lost.
        for chain in chains:
            await service.refresh(app, chain.refresh_token)
