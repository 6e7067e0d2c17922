"""A token service in this process, and what an operator makes in it."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tessera.edge import external_auth_pb2_grpc
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_admin_service_pb2_grpc as admin_pb2_grpc
from tessera.token.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.env import Address
from services.runtime.partitions import Partitions
from services.runtime.server import opened
from services.token.__main__ import wire
from services.token.bootstrap import bootstrap
from services.token.config import MasterKey, TokenSettings
from services.token.store import PARTITIONED
from tests.support.ports import free_ports

ISSUER = "https://bj1.example.com"
DOMAIN = "bj1"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REDIRECT_URI = "https://app.example.com/callback"
SCOPES = ("ACCOUNT.ALL", "FILE.ALL")

Metadata = list[tuple[str, str]]

# One key for all tests: making one takes long.
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class App:
    """An app and what proves it."""

    client_id: str
    secret: str = ""
    key: Any = None

    def sign(self, claims: dict[str, Any], algorithm: str = "RS256", headers: dict[str, Any] | None = None) -> str:
        return jwt.encode(claims, self.key, algorithm, headers)


class Running:
    """Stubs of a token service over one channel, the credentials that bootstrap made, and its clock."""

    def __init__(self, channel: grpc.aio.Channel, settings: TokenSettings, made: dict[str, Any], clock: Clock) -> None:
        self.channel = channel
        self.settings = settings
        self.made = made
        self.clock = clock
        self.tokens = token_service_pb2_grpc.TokenServiceStub(channel)
        self.mint = token_service_pb2_grpc.MintServiceStub(channel)
        self.keys = token_service_pb2_grpc.KeyServiceStub(channel)
        self.admin = admin_pb2_grpc.TokenAdminServiceStub(channel)
        self.edge = external_auth_pb2_grpc.AuthorizationStub(channel)

    async def token(self, grant_type: str, *, metadata: Metadata | None = None, **parameters: str) -> token_pb2.Token:
        request = token_service_pb2.TokenRequest(grant_type=grant_type, **parameters)
        return await self.tokens.Token(request, metadata=metadata)

    async def operator(self) -> Metadata:
        identity = self.made["operator"]
        return bearer(await self.by_secret(App(identity["client_id"], identity["client_secret"])))

    async def minter(self) -> Metadata:
        """Account's service identity."""
        identity = self.made["account"]
        return bearer(
            await self.token(
                "client_credentials",
                client_assertion_type=CLIENT_ASSERTION,
                client_assertion=App(identity["client_id"], key=identity["private_key_pem"]).sign(
                    self.claims(identity["client_id"], sub=identity["client_id"], aud=ISSUER), "ES256"
                ),
            )
        )

    def gateway(self) -> Metadata:
        identity = self.made["gateway"]
        return [("authorization", basic(identity["client_id"], identity["client_secret"]))]

    async def by_secret(self, app: App, **parameters: str) -> token_pb2.Token:
        return await self.token("client_credentials", client_id=app.client_id, client_secret=app.secret, **parameters)

    async def app(self, app_type: int, *, admit: bool = True, key: Any = None, **fields: Any) -> App:
        fields.setdefault("scopes", SCOPES)
        if key:
            fields["public_key_pem"] = public_pem(key)
        request = admin_pb2.CreateAppRequest(name="app", type=app_type, **fields)
        operator = await self.operator()
        made = await self.admin.CreateApp(request, metadata=operator)
        if admit:
            await self.admin.AllowApp(admin_pb2.AllowAppRequest(client_id=made.client_id), metadata=operator)
        return App(made.client_id, made.client_secret, key)

    async def web_app(self, **fields: Any) -> App:
        return await self.app(admin_pb2.APP_TYPE_WEB_SERVER, redirect_uris=[REDIRECT_URI], **fields)

    async def native_app(self, **fields: Any) -> App:
        return await self.app(admin_pb2.APP_TYPE_NATIVE, redirect_uris=[REDIRECT_URI], **fields)

    async def jwt_app(self, key: Any = RSA_KEY, **fields: Any) -> App:
        return await self.app(admin_pb2.APP_TYPE_JWT, key=key, **fields)

    async def user(self, **fields: str) -> str:
        request = admin_pb2.CreateUserRequest(**fields)
        return (await self.admin.CreateUser(request, metadata=await self.operator())).user_id

    async def set_status(self, user_id: str, status: str) -> None:
        request = admin_pb2.SetUserStatusRequest(user_id=user_id, status=status)
        await self.admin.SetUserStatus(request, metadata=await self.operator())

    async def push_app(self, **fields: Any) -> admin_pb2.CreatePushAppResponse:
        request = admin_pb2.CreatePushAppRequest(name="push", **fields)
        return await self.admin.CreatePushApp(request, metadata=await self.operator())

    def claims(self, issuer: str, **changed: Any) -> dict[str, Any]:
        """Claims of a good assertion of an app for a user; `None` leaves one out."""
        now = self.clock.timestamp()
        claims = {"iss": issuer, "aud": DOMAIN, "jti": uuid.uuid4().hex, "iat": now, "exp": now + 60} | changed
        return {name: value for name, value in claims.items() if value is not None}

    async def by_assertion(self, app: App, user_id: str, **changed: Any) -> token_pb2.Token:
        claims = self.claims(app.client_id, sub=user_id, sub_type="user") | changed
        return await self.token(JWT_BEARER, client_id=app.client_id, assertion=app.sign(claims))

    async def refresh(self, app: App, refresh_token: str, **parameters: str) -> token_pb2.Token:
        return await self.token(
            "refresh_token",
            client_id=app.client_id,
            client_secret=app.secret,
            refresh_token=refresh_token,
            **parameters,
        )

    async def code(self, app: App, user_id: str, **changed: Any) -> str:
        request = token_service_pb2.CreateAuthorizationCodeRequest(
            **{
                "domain_id": DOMAIN,
                "client_id": app.client_id,
                "user_id": user_id,
                "redirect_uri": REDIRECT_URI,
                "proof": token_pb2.Proof(method="mobile", identity="13900001234"),
            }
            | changed
        )
        return (await self.mint.CreateAuthorizationCode(request, metadata=await self.minter())).code

    async def redeem(self, app: App, code: str, **parameters: str) -> token_pb2.Token:
        parameters.setdefault("redirect_uri", REDIRECT_URI)
        return await self.token(
            "authorization_code", client_id=app.client_id, client_secret=app.secret, code=code, **parameters
        )

    async def shift(self, by: timedelta) -> None:
        """Move the clock far, and do what the service would have done meanwhile: make the partitions of then."""
        self.clock.shift(by)
        async with self.database() as database:
            await Partitions(database, self.clock, PARTITIONED).keep()

    async def audit(self, **where: str) -> list[dict[str, Any]]:
        """Audit rows in the order of their ids."""
        column, value = next(iter(where.items()))
        async with self.database() as database:
            rows = await database.fetch(
                f"select * from token.audit where domain_id = $1 and {column} = $2 order by event_id", DOMAIN, value
            )
        return [dict(row) for row in rows]

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """The service's own, beside it."""
        database = Database(
            self.settings.dsn, service="test", pool_size=1, statement_timeout=timedelta(seconds=5), clock=Clock()
        )
        await database.start()
        try:
            yield database
        finally:
            await database.close()


def bearer(token: token_pb2.Token) -> Metadata:
    return [("authorization", f"Bearer {token.access_token}")]


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def public_pem(key: Any) -> str:
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def new_p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def content(token: str) -> dict[str, Any]:
    """What a JWT says, unverified."""
    return jwt.decode(token, options={"verify_signature": False})


async def refused(call: Awaitable[Message], reason: str, field: str | None = None) -> str:
    """Check that a call is refused for that reason, at that field; answers the public message."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    status = rpc_status.from_call(caught.value)
    assert status is not None, caught.value.details()
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad)
    assert info.reason == reason, status
    if field:
        assert [violation.field for violation in bad.field_violations] == [field]
    return status.message


def reason_of(answer: BaseException) -> str:
    """The reason of a refusal that was gathered."""
    assert isinstance(answer, grpc.aio.AioRpcError), answer
    status = rpc_status.from_call(answer)
    assert status is not None, answer
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return info.reason


def settings_of(dsn: str, folder: Path) -> TokenSettings:
    return TokenSettings(
        listen=(Address("127.0.0.1", free_ports(1)[0]),),
        dsn=dsn,
        state_dir=folder / "state",
        drain=timedelta(0),
        master_key=MasterKey("A" * 43 + "="),
    )


async def run_bootstrap(settings: TokenSettings, folder: Path, *further: str) -> dict[str, Any]:
    """Make the first domain as the command does."""
    file = folder / "bootstrap.json"
    arguments: Sequence[str] = ("--domain", DOMAIN, "--issuer", ISSUER, "--secrets-file", str(file), *further)
    assert await asyncio.to_thread(bootstrap, settings, arguments) == 0
    return json.loads(file.read_text())


@asynccontextmanager
async def serving(settings: TokenSettings, made: dict[str, Any]) -> AsyncIterator[Running]:
    """Run a service whose domain is there already."""
    clock = Clock()
    async with (
        opened("token", settings, wire, clock),
        grpc.aio.insecure_channel(str(settings.listen[0])) as channel,
    ):
        yield Running(channel, settings, made, clock)


@asynccontextmanager
async def running(dsn: str, folder: Path) -> AsyncIterator[Running]:
    """Make the first domain in an empty database, and serve it."""
    settings = settings_of(dsn, folder)
    async with serving(settings, await run_bootstrap(settings, folder)) as service:
        yield service
