"""The Host of a request through the gateway: what it names, and that nobody says another one beside it."""

import asyncio
from typing import Any

import httpx

from deploy.local.stack import Stack
from services.token.identities import Identities
from tests.support.stack import world_of
from tests.support.token_client import TokenClient


async def test_a_host_that_names_a_domain(stack: Stack) -> None:
    world = world_of(stack)
    async with world.channel("token") as channel, world.http() as http:
        operator = TokenClient(channel, Identities.read(stack.home.identities).as_json())
        tenant = await operator.tenant("shop")
        app, push_app = await tenant.web_app(), await tenant.push_app()
        theirs = {"grant_type": "client_credentials", "client_id": app.client_id, "client_secret": app.secret}

        async def asked(data: dict[str, str], host: str, **headers: str) -> httpx.Response:
            return await http.post("/v2/oauth/token", data=data, headers={"host": host, **headers})

        async def issuer(host: str) -> str:
            return str((await http.get("/.well-known/openid-configuration", headers={"host": host})).json()["issuer"])

        async def query(host: str) -> dict[str, Any]:
            body = {"operator_type": 1, "account_list": [{"account": "1"}]}
            basic = httpx.BasicAuth(str(push_app.access_id), push_app.secret_key)
            return dict(
                (await http.post("/v3/device/account/query", json=body, headers={"host": host}, auth=basic)).json()
            )

        assert (await asked(theirs, "shop.api.example.com")).json()["domain_id"] == "shop"
        assert (await asked(world.by_secret(), "shop.api.example.com:443")).status_code == 401
        said = await asked(
            theirs, f"{world.demo['domain_id']}.api.example.com", **{"x-tessera-host": "shop.example.com"}
        )
        assert (said.status_code, said.json()["error"]) == (401, "invalid_client")
        assert await issuer("shop.api.example.com") == f"{world.gateway}/d/shop"
        assert await issuer("api.example.com") == world.gateway
        unknown = (await query(f"{world.demo['domain_id']}.api.example.com"))["ret_code"]
        # Binding asks for keys once a second.
        async with asyncio.timeout(10):
            while (await query("shop.api.example.com"))["ret_code"] == unknown:
                await asyncio.sleep(0.2)
