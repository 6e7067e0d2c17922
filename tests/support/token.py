"""A token service in this process, with a domain of its own."""

import argparse
import asyncio
import contextlib
import io
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime.clock import Clock
from services.runtime.db import Database, connected
from services.runtime.env import Address
from services.runtime.partitions import Partitions
from services.runtime.server import opened
from services.runtime.vault import MasterKey
from services.token.bootstrap import bootstrap, declare
from services.token.config import TokenSettings
from services.token.identities import Identities
from services.token.store import PARTITIONED
from services.token.wiring import wire
from tests.support.calls import Metadata, bearer
from tests.support.databases import Databases
from tests.support.ports import free_ports
from tests.support.token_client import REDIRECT_URI, App, TokenClient, basic

ISSUER = "https://bj1.example.com"
DOMAIN = "bj1"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Running(TokenClient):
    """A service with its clock and its database within reach."""

    def __init__(self, channel: grpc.aio.Channel, settings: TokenSettings, made: dict[str, Any], clock: Clock) -> None:
        super().__init__(channel, made)
        self.settings = settings
        self.clock = clock

    async def minter(self) -> Metadata:
        """Account's service identity."""
        identity = self.made["account"]
        app = App(identity["client_id"], key=identity["private_key_pem"])
        claims = self.claims(app.client_id, sub=app.client_id, aud=ISSUER)
        answer = await self.token(
            "client_credentials",
            client_assertion_type=CLIENT_ASSERTION,
            client_assertion=app.sign(claims, "ES256"),
        )
        return bearer(answer.access_token)

    def gateway(self) -> Metadata:
        identity = self.made["gateway"]
        return [("authorization", basic(identity["client_id"], identity["client_secret"]))]

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

    async def device(self, app: App, **parameters: str) -> token_service_pb2.CreateDeviceAuthorizationResponse:
        """What a device of an app begins with."""
        parameters |= {"client_id": app.client_id, "client_secret": app.secret}
        return await self.tokens.CreateDeviceAuthorization(
            token_service_pb2.CreateDeviceAuthorizationRequest(**parameters)
        )

    async def poll(self, app: App, device_code: str) -> token_pb2.Token:
        """What a device asks while its user decides."""
        return await self.token(DEVICE_CODE, client_id=app.client_id, client_secret=app.secret, device_code=device_code)

    async def asked(self, user_code: str, **changed: str) -> token_service_pb2.GetDeviceAuthorizationResponse:
        """What a page shows of a device."""
        request = token_service_pb2.GetDeviceAuthorizationRequest(
            **{"domain_id": DOMAIN, "user_code": user_code} | changed
        )
        return await self.mint.GetDeviceAuthorization(request, metadata=await self.minter())

    async def decide(self, authorization_id: str, user_id: str, *, approve: bool = True, **changed: Any) -> None:
        """What a user says to a device."""
        decisions = token_service_pb2.DecideDeviceAuthorizationRequest
        request = decisions(
            **{
                "domain_id": DOMAIN,
                "authorization_id": authorization_id,
                "decision": decisions.DECISION_APPROVE if approve else decisions.DECISION_DENY,
                "user_id": user_id,
                "proof": token_pb2.Proof(method="mobile", identity="13900001234"),
            }
            | changed
        )
        await self.mint.DecideDeviceAuthorization(request, metadata=await self.minter())

    async def approved(self, app: App, user_id: str, **parameters: str) -> str:
        """The code of a device that its user has let have its tokens."""
        begun = await self.device(app, **parameters)
        await self.decide((await self.asked(begun.user_code)).authorization_id, user_id)
        return begun.device_code

    async def shift(self, by: timedelta) -> None:
        """Move the clock far, and do what the service would have done meanwhile: make the partitions of then."""
        self.clock.shift(by)
        await Partitions(self.settings.dsn, self.clock, PARTITIONED).attach()

    async def set_domain(self, column: str, value: Any) -> None:
        """Change a setting of the domain as an admin call would, and wait until this process knows it."""
        async with self.database() as database:
            await database.execute(f"update token.domain set {column} = $2 where domain_id = $1", DOMAIN, value)
            await database.execute("select pg_notify('token_changes', 'domain:' || $1)", DOMAIN)
        await asyncio.sleep(1.2)

    async def audit(self, **where: str) -> list[dict[str, Any]]:
        """Audit rows in the order of their ids."""
        column, value = next(iter(where.items()))
        async with self.database() as database:
            rows = await database.fetch(
                f"select * from token.audit where domain_id = $1 and {column} = $2 order by event_id", DOMAIN, value
            )
        return [dict(row) for row in rows]

    async def user_events(self, user_id: str) -> list[str]:
        """What the feed tells of a user, in order."""
        async with self.database() as database:
            rows = await database.fetch(
                "select kind from token.user_event where domain_id = $1 and user_id = $2 order by seq", DOMAIN, user_id
            )
        return [row["kind"] for row in rows]

    async def revocations(self, subject: str) -> list[dict[str, Any]]:
        """What was revoked of a user, a session or an app, in order."""
        async with self.database() as database:
            rows = await database.fetch(
                "select * from token.revocation where domain_id = $1 and subject = $2 order by seq", DOMAIN, subject
            )
        return [dict(row) for row in rows]

    @asynccontextmanager
    async def listening(self, channel: str, heard: Callable[[str], object]) -> AsyncIterator[None]:
        """Hear what the database tells on a channel."""
        async with connected(self.settings.dsn) as connection:
            await connection.add_listener(channel, lambda _connection, _pid, _channel, payload: heard(payload))
            yield

    @asynccontextmanager
    async def database(self, connections: int = 1) -> AsyncIterator[Database]:
        """The service's own, beside it."""
        database = Database(
            self.settings.dsn,
            service="test",
            pool_size=connections,
            statement_timeout=timedelta(seconds=5),
            clock=Clock(),
        )
        await database.start()
        try:
            yield database
        finally:
            await database.close()


def settings_of(dsn: str, folder: Path) -> TokenSettings:
    return TokenSettings(
        listen=(Address("127.0.0.1", free_ports(1)[0]),),
        dsn=dsn,
        state_dir=folder / "state",
        drain=timedelta(0),
        master_key=MasterKey("A" * 43 + "="),
    )


def command(*arguments: str) -> argparse.Namespace:
    """Arguments of `bootstrap`, as the command line reads them."""
    parser = argparse.ArgumentParser()
    declare(parser)
    return parser.parse_args(arguments)


async def run_bootstrap(settings: TokenSettings, folder: Path, *further: str) -> dict[str, Any]:
    """Make the first domain as the command does."""
    identities = folder / "identities"
    identities.mkdir(exist_ok=True)
    arguments = command("--domain", DOMAIN, "--issuer", ISSUER, "--secrets-dir", str(identities), *further)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert await asyncio.to_thread(bootstrap, settings, arguments) == 0
    # Lines of the log, which the command itself sends to standard error, may stand around it.
    (made,) = [line for line in printed.getvalue().splitlines() if line.startswith("{")]
    return json.loads(made) | Identities.read(identities).as_json()


@dataclass(frozen=True)
class Founded:
    """A database with the first domain, which nobody serves: to be copied, which is faster than to make another.

    Args:
        databases: where the copies are made.
        dsn: its own.
        made: what bootstrap told.
    """

    databases: Databases
    dsn: str
    made: dict[str, Any]

    def copied(self, folder: Path) -> TokenSettings:
        """Settings of a service on a copy of it."""
        return settings_of(self.databases.copied("token", self.dsn), folder)


async def founded_in(databases: Databases, folder: Path) -> Founded:
    """Make the first domain, and the partitions of today: a service takes longer over them than over all else."""
    settings = settings_of(databases.fresh("token"), folder)
    made = await run_bootstrap(settings, folder)
    await Partitions(settings.dsn, Clock(), PARTITIONED).attach()
    return Founded(databases, settings.dsn, made)


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
