"""A running binding service, and push apps that call it over gRPC."""

import itertools
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec
from tessera.token.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc

from services.binding.__main__ import wire
from services.binding.config import BindingSettings
from services.binding.store import Store
from services.runtime.auth import ACCESS_TYPES
from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.env import Address
from services.runtime.server import opened
from tests.binding.callers import PushApp
from tests.support.databases import Databases

ISSUER = "https://bj1.example.com"


class Signer(token_service_pb2_grpc.KeyServiceServicer):
    """One signing key, and the KeyService that lists it: what binding needs of the token service."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._key_id = secrets.token_hex(8)

    def sign(self, **claims: Any) -> str:
        """An access token of an app; `claims` are added."""
        now = int(time.time())
        common = {"iss": ISSUER, "aud": ISSUER, "sub": "app", "kind": "app", "iat": now, "exp": now + 300}
        headers = {"kid": self._key_id, "typ": ACCESS_TYPES[0]}
        return jwt.encode(common | claims, self._key, "ES256", headers=headers)

    async def ListVerificationKeys(
        self, _request: Any, _context: Any
    ) -> token_service_pb2.ListVerificationKeysResponse:  # noqa: N802
        jwk = jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        key = token_pb2.VerificationKey(
            use=token_pb2.VerificationKey.USE_ACCESS,
            key_id=self._key_id,
            issuer=ISSUER,
            domain_id="bj1",
            jwk=token_pb2.JsonWebKey(**jwk, alg="ES256", use="sig", kid=self._key_id),
        )
        return token_service_pb2.ListVerificationKeysResponse(keys=[key])


@dataclass(frozen=True)
class Running:
    """A binding service that runs, and who signs for its callers."""

    address: Address
    dsn: str
    signer: Signer


def free_address() -> Address:
    """A loopback address whose port is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return Address(*probe.getsockname())


def settings_for(dsn: str, token: Address, state: Path) -> BindingSettings:
    """Settings of a service on a free port."""
    return BindingSettings(
        listen=(free_address(),), dsn=dsn, state_dir=state, token_address=(token,), drain=timedelta(seconds=1)
    )


@pytest_asyncio.fixture(scope="session")
async def signer_address() -> AsyncIterator[tuple[Signer, Address]]:
    """A key service that runs."""
    signer, server = Signer(), grpc.aio.server()
    token_service_pb2_grpc.add_KeyServiceServicer_to_server(signer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield signer, Address("127.0.0.1", port)
    await server.stop(0)


@pytest_asyncio.fixture(scope="session")
async def running(
    databases: Databases, signer_address: tuple[Signer, Address], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Running]:
    """One service for all tests: each of them has push apps of its own, which share nothing."""
    signer, token = signer_address
    settings = settings_for(databases.fresh("binding"), token, tmp_path_factory.mktemp("binding"))
    async with opened("binding", settings, wire, Clock()):
        yield Running(settings.listen[0], settings.dsn, signer)


@pytest_asyncio.fixture(scope="session")
async def channel(running: Running) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(str(running.address)) as opened_channel:
        yield opened_channel


@pytest_asyncio.fixture(scope="session")
async def connection(running: Running) -> AsyncIterator[asyncpg.Connection]:
    """The service's database, to look at."""
    made = await asyncpg.connect(running.dsn)
    yield made
    await made.close()


_access_ids = itertools.count(1500000000)


@pytest.fixture(scope="session")
def push_apps(running: Running, channel: grpc.aio.Channel, connection: asyncpg.Connection) -> Callable[..., PushApp]:
    """Makes push apps: `push_apps(cap=100, append_enabled=False)`."""

    def make(cap: int = 100, *, append_enabled: bool = False) -> PushApp:
        access_id = next(_access_ids)
        settings = {"id": access_id, "tokens_per_account": cap, "append_enabled": append_enabled}
        token = running.signer.sign(permissions=["binding.read", "binding.write"], push_app=settings)
        return PushApp(access_id, token, channel, connection)

    return make


@pytest.fixture
def push_app(push_apps: Callable[..., PushApp]) -> PushApp:
    """A push app with a cap of 100, whose operator 1 acts as operator 2."""
    return push_apps()


@pytest_asyncio.fixture
async def store(database_url: Callable[[str], str]) -> AsyncIterator[Store]:
    """A store with 40 connections to an empty database."""
    database = Database(
        database_url("binding"),
        service="binding",
        pool_size=40,
        statement_timeout=timedelta(seconds=20),
        clock=Clock(),
    )
    await database.start()
    yield Store(database)
    await database.close()
