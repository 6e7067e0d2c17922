"""A domain's limit as strangers see it, through the gateway."""

import asyncio
import os

import asyncpg
import pytest

from deploy.local.postgres import Postgres
from deploy.local.stack import Stack
from tests.support.world import World


@pytest.mark.parametrize(
    ("column", "code", "retry_after"),
    [("grants_per_second", "TooManyRequests", "1"), ("max_users", "QuotaExceeded", None)],
)
async def test_beyond_a_limit(stack: Stack, world: World, column: str, code: str, retry_after: str | None) -> None:
    domain_id = world.demo["domain_id"]
    connection = await asyncpg.connect(Postgres(stack.home, os.environ).dsn("token"))
    try:
        await connection.execute(f"update token.domain set {column} = 1 where domain_id = $1", domain_id)
        await connection.execute("select pg_notify('token_changes', 'domain:' || $1)", domain_id)
        async with world.http() as http, asyncio.timeout(60):
            # Until the workers know it, and the grants of this second are gone.
            refused = []
            for number in range(1000):
                data = [world.by_assertion(sub=f"over{number}.{each}", auto_create=True) for each in range(5)]
                answers = await asyncio.gather(*(http.post("/v2/oauth/token", data=each) for each in data))
                refused = [answer for answer in answers if answer.status_code == 429]
                if refused:
                    break
        assert refused
        for answer in refused:
            body = answer.json()
            assert (body["error"], body["code"]) == ("temporarily_unavailable", code)
            assert body["error_description"] == body["message"]
            assert answer.headers.get("retry-after") == retry_after
    finally:
        await connection.execute(f"update token.domain set {column} = null")
        await connection.execute("select pg_notify('token_changes', 'domain:' || $1)", domain_id)
        await connection.close()
        await asyncio.sleep(1.2)
