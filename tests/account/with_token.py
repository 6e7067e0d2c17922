"""Account with the real token service: users, callers, and proofs."""

import io
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from tessera.account.v1 import account_service_pb2
from tessera.token.v1 import session_service_pb2

from services.runtime.env import Address
from services.token.config import TokenSettings
from tests.account.running import Account, running_account
from tests.support.calls import Metadata, bearer
from tests.support.token import Running
from tests.support.token_client import App, content

MAY_LINK = ("account.link", "token.impersonate")


@dataclass(frozen=True)
class Sent:
    """A code that was sent."""

    id: str
    code: str
    address: str

    @property
    def proof(self) -> dict[str, str]:
        """As LinkAccount takes it."""
        return {"sms_code_id": self.id, "sms_code": self.code}

    @property
    def wrong(self) -> dict[str, str]:
        """The same with another code."""
        return {"sms_code_id": self.id, "sms_code": f"{(int(self.code) + 1) % 1_000_000:06d}"}


@dataclass(frozen=True)
class Services:
    """Account and token, and a caller who may link."""

    account: Account
    token: Running
    caller: Metadata
    app: App

    def link(
        self, user_id: str, identity: str, type_: str = "custom", caller: Metadata | None = None, **proof: str
    ) -> grpc.aio.UnaryUnaryCall:
        """LinkAccount."""
        request = account_service_pb2.LinkAccountRequest(user_id=user_id, type=type_, identity=identity, **proof)
        return self.account.links.LinkAccount(request, metadata=caller or self.caller)

    async def links_of(self, user_id: str) -> list[str]:
        """Identities of a user."""
        request = account_service_pb2.GetLinkInfoByUserIdRequest(user_id=user_id)
        answer = await self.account.links.GetLinkInfoByUserId(request, metadata=self.caller)
        return [link.identity for link in answer.items]

    def unlink(
        self, user_id: str, identity: str, type_: str = "custom", caller: Metadata | None = None
    ) -> grpc.aio.UnaryUnaryCall:
        """UnlinkAccount."""
        request = account_service_pb2.UnlinkAccountRequest(user_id=user_id, type=type_, identity=identity)
        return self.account.links.UnlinkAccount(request, metadata=caller or self.caller)

    async def logged_on(self, user_id: str) -> Metadata:
        """A new session of a user, who may act on itself."""
        return bearer((await self.token.by_assertion(self.app, user_id)).access_token)

    async def user(self) -> tuple[str, Metadata]:
        """A new user, and a session of it."""
        user_id = await self.token.user()
        return user_id, await self.logged_on(user_id)

    async def sessions(self, user_id: str) -> int:
        """How many sessions token has of a user."""
        request = session_service_pb2.ListSessionsRequest(user_id=user_id)
        answer = await self.token.sessions.ListSessions(request, metadata=await self.token.operator())
        return len(answer.sessions)

    async def send(self, caller: Metadata, **address: str) -> Sent:
        """SendSmsCode; the code as it was shown."""
        request = account_service_pb2.SendSmsCodeRequest(**address)
        with redirect_stderr(io.StringIO()) as shown:
            answer = await self.account.links.SendSmsCode(request, metadata=caller)
        found = re.fullmatch(r"to (?:mobile|email) (\S+): ([0-9]{6}) is your code .*\n", shown.getvalue())
        assert found, shown.getvalue()
        return Sent(answer.sms_code_id, found[2], found[1])


@asynccontextmanager
async def account_of(
    token: TokenSettings, made: dict[str, Any], dsn: str, state: Path, *, reached_at: Address | None = None
) -> AsyncIterator[Account]:
    """Account with the identity that token's bootstrap made for it."""
    identity = made["account"]
    async with running_account(
        dsn,
        state,
        reached_at or token.listen[0],
        client_id=identity["client_id"],
        client_key=identity["private_key_pem"],
        domain_id=made["domain_id"],
    ) as account:
        yield account


def unused() -> str:
    """A custom identity that nobody has."""
    return uuid.uuid4().hex


def unused_mobile() -> str:
    """A mobile number that nobody has."""
    return f"139{uuid.uuid4().int % 100_000_000:08d}"


def session_of(caller: Metadata) -> str:
    """The session that an access token belongs to."""
    return str(content(caller[0][1].removeprefix("Bearer "))["sid"])
