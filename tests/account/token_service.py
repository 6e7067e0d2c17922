"""The real token service in this process, and what an operator makes in it."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
from tessera.token.v1 import token_admin_service_pb2, token_admin_service_pb2_grpc, token_pb2, token_service_pb2
from tessera.token.v1.token_service_pb2_grpc import TokenServiceStub

from services.runtime.clock import Clock
from services.runtime.env import Address
from services.runtime.server import opened
from services.token.__main__ import wire
from services.token.config import MasterKey, TokenSettings
from tests.account.callers import Metadata

_MASTER_KEY = "A" * 43 + "="


@dataclass(frozen=True)
class TokenService:
    """Where a token service is to be run, and who its bootstrap made."""

    address: Address
    dsn: str
    state: Path
    bootstrapped: dict[str, Any]
    clock: Clock = field(default_factory=Clock)

    @classmethod
    def bootstrap(cls, dsn: str, folder: Path, port: int) -> "TokenService":
        """Make the first domain by the command that an operator types."""
        secrets = folder / "bootstrap.json"
        environ = os.environ | {
            "TESSERA_DSN": dsn,
            "TESSERA_LISTEN": f"127.0.0.1:{port}",
            "TESSERA_STATE_DIR": str(folder / "token"),
            "TESSERA_MASTER_KEY": _MASTER_KEY,
        }
        options = ["--domain", "bj1", "--issuer", "https://bj1.example.com", "--secrets-file", str(secrets)]
        subprocess.run([sys.executable, "-m", "services.token", "bootstrap", *options], check=True, env=environ)
        return cls(Address("127.0.0.1", port), dsn, folder / "token", json.loads(secrets.read_text()))

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Operator"]:
        """Run it; may be left and entered again, as a service is stopped and started."""
        settings = TokenSettings(
            listen=(self.address,),
            dsn=self.dsn,
            state_dir=self.state,
            drain=timedelta(0),
            master_key=MasterKey(_MASTER_KEY),
        )
        async with opened("token", settings, wire, self.clock), grpc.aio.insecure_channel(str(self.address)) as channel:
            identity = self.bootstrapped["operator"]
            request = token_service_pb2.TokenRequest(
                grant_type="client_credentials",
                client_id=identity["client_id"],
                client_secret=identity["client_secret"],
            )
            answer = await TokenServiceStub(channel).Token(request)
            yield Operator(channel, bearer(answer))


def bearer(token: token_pb2.Token) -> Metadata:
    """Call as whom a token speaks for."""
    return [("authorization", f"Bearer {token.access_token}")]


class Operator:
    """Sets up the domain."""

    def __init__(self, channel: grpc.aio.Channel, caller: Metadata) -> None:
        self._admin = token_admin_service_pb2_grpc.TokenAdminServiceStub(channel)
        self._token = TokenServiceStub(channel)
        self.caller = caller

    async def user(self, role: str = "user", **fields: str) -> str:
        """Make a user; answers its id."""
        request = token_admin_service_pb2.CreateUserRequest(role=role, **fields)
        return str((await self._admin.CreateUser(request, metadata=self.caller)).user_id)

    async def set_status(self, user_id: str, status: str) -> None:
        """Enable or disable a user."""
        request = token_admin_service_pb2.SetUserStatusRequest(user_id=user_id, status=status)
        await self._admin.SetUserStatus(request, metadata=self.caller)

    async def app(self, *permissions: str, scopes: tuple[str, ...] = ("ACCOUNT.ALL", "FILE.ALL")) -> Metadata:
        """Make an app that holds these permissions; answers how it calls."""
        made = await self._admin.CreateApp(
            token_admin_service_pb2.CreateAppRequest(
                name="Test app",
                type=token_admin_service_pb2.APP_TYPE_WEB_SERVER,
                redirect_uris=["https://app.example.com/callback"],
                scopes=scopes,
                permissions=permissions,
            ),
            metadata=self.caller,
        )
        await self._admin.AllowApp(
            token_admin_service_pb2.AllowAppRequest(client_id=made.client_id), metadata=self.caller
        )
        request = token_service_pb2.TokenRequest(
            grant_type="client_credentials", client_id=made.client_id, client_secret=made.client_secret
        )
        return bearer(await self._token.Token(request))
