"""A push app's calls on /v3, as its backend makes them: through the gateway, by HTTP Basic."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx

from deploy.local.postgres import Postgres
from deploy.local.stack import Stack
from services.token.identities import Identities
from tests.support.stack import world_of
from tests.support.token_client import TokenClient

BATCH = "/v3/device/account/batchoperate"
QUERY = "/v3/device/account/query"

Json = dict[str, Any]


@dataclass(frozen=True)
class Devices:
    """A push app of its own.

    Args:
        access_id: its id.
        secret_key: its key.
        http: a client of the gateway, with the app's credential.
        connection: to the binding service's database, to look at it.
    """

    access_id: int
    secret_key: str
    http: httpx.AsyncClient
    connection: asyncpg.Connection

    async def batch(self, operator: int, **request: Any) -> Json:
        """Batchoperate, and its answer."""
        return said(await self.http.post(BATCH, json={"operator_type": operator, **request}))

    async def bind(self, token: str, *accounts: Any) -> None:
        """Operator 2, of one token."""
        answer = await self.batch(2, token_accounts=[entry(token, *accounts)])
        assert answer == {"ret_code": 0, "err_msg": "NO_ERROR", "result": ["0"]}

    async def query(self, operator: int, **request: Any) -> Json:
        """Query, and its answer."""
        return said(await self.http.post(QUERY, json={"operator_type": operator, **request}))

    async def rows(self) -> list[tuple[str, int, str]]:
        """What is bound: token, type, account."""
        found = await self.connection.fetch(
            "select token, account_type, account from binding.binding where access_id = $1 order by 1, 2",
            self.access_id,
        )
        return [tuple(row) for row in found]

    async def everything(self) -> list[tuple[Any, ...]]:
        """All that the service keeps of the app: bindings with their order, changes, requests."""
        tables = ("binding", "change", "request")
        return [
            (table, *row)
            for table in tables
            for row in await self.connection.fetch(
                f"select * from binding.{table} where access_id = $1 order by 1, 2, 3", self.access_id
            )
        ]


def account(item: Any) -> Json:
    """An account as JSON: from its name, or its name and type."""
    return {"account": item} if isinstance(item, str) else {"account": item[0], "account_type": item[1]}


def entry(token: str, *accounts: Any) -> Json:
    """A token with accounts as JSON."""
    return {"token": token, "account_list": [account(item) for item in accounts]}


def said(answer: httpx.Response) -> Json:
    """An answer of /v3, once it is in the dialect: HTTP 200, JSON, a number and a text first, nothing of the inside."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert not [name for name in answer.headers if name.startswith(("grpc-", "x-envoy", "x-tessera"))]
    body: Json = answer.json()
    assert type(body["ret_code"]) is int
    assert type(body["err_msg"]) is str
    assert all(type(code) is str for code in body["result"])
    twice = answer.request.url.path == QUERY
    assert ("retCode" in body, "errMsg" in body) == (twice, twice)
    if twice:
        assert (body.pop("retCode"), body.pop("errMsg")) == (body["ret_code"], body["err_msg"])
    for word in ("protobuf", "Traceback", "envoy", "grpc", "INVALID_ARGUMENT", "asyncpg", "Unexpected", "Expected"):
        assert word not in body["err_msg"]
    return body


@asynccontextmanager
async def push_app(stack: Stack, **fields: Any) -> AsyncIterator[Devices]:
    """Make a push app, with `tokens_per_account` or `append_enabled` where they are given."""
    world = world_of(stack)
    async with world.channel("token") as channel:
        client = TokenClient(channel, Identities.read(stack.home.identities).as_json())
        made = await client.push_app(**fields)
    connection = await asyncpg.connect(Postgres(stack.home, os.environ).dsn("binding"))
    try:
        async with httpx.AsyncClient(
            base_url=world.gateway, timeout=30, trust_env=False, auth=(str(made.access_id), made.secret_key)
        ) as http:
            yield Devices(made.access_id, made.secret_key, http, connection)
    finally:
        await connection.close()
