"""A device without a browser, through the gateway: RFC 8628, in the OAuth dialect."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tessera.client import AccessTokens, PrivateKeyJwt, open_channel
from tessera.token.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc

from deploy.local.stack import Stack
from services.token.identities import Identities
from tests.support.rest_calls import Client

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DECISIONS = token_service_pb2.DecideDeviceAuthorizationRequest


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    return Client(stack)


@pytest_asyncio.fixture
async def mint(stack: Stack, client: Client) -> AsyncIterator[token_service_pb2_grpc.MintServiceStub]:
    """Token's internal calls, as the pages of account make them."""
    identities = Identities.read(stack.home.identities)
    key = load_pem_private_key(identities.account_client_key.encode(), None)
    account = PrivateKeyJwt(identities.account_client_id, key, audience=client.world.demo["domain_id"])
    address = client.world.grpc["token"]
    async with (
        open_channel(address) as token,
        open_channel(address, access_tokens=AccessTokens(token, account)) as channel,
    ):
        yield token_service_pb2_grpc.MintServiceStub(channel)


async def begin(client: Client, **parameters: Any) -> dict[str, Any]:
    async with client.world.http() as http:
        answer = await http.post("/v2/oauth/device/code", data=parameters, headers=await client.headers("client"))
    assert answer.status_code == 200, answer.text
    assert (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")
    return dict(answer.json())


async def poll(client: Client, device_code: str) -> httpx.Response:
    async with client.world.http() as http:
        return await http.post(
            "/v2/oauth/token",
            data={"grant_type": GRANT, "device_code": device_code},
            headers=await client.headers("client"),
        )


async def decide(
    client: Client, mint: token_service_pb2_grpc.MintServiceStub, user_code: str, decision: int
) -> token_service_pb2.GetDeviceAuthorizationResponse:
    asked = await mint.GetDeviceAuthorization(token_service_pb2.GetDeviceAuthorizationRequest(user_code=user_code))
    await mint.DecideDeviceAuthorization(
        DECISIONS(
            domain_id=asked.domain_id,
            authorization_id=asked.authorization_id,
            decision=decision,  # type: ignore[arg-type]
            user_id=client.world.demo["user_id"],
            proof=token_pb2.Proof(method="mobile", identity="13900001234"),
        )
    )
    return asked


def error(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    assert list(body) == ["error", "error_description", "code", "message"]
    return answer.status_code, body["error"], body["code"]


async def test_a_device_gets_a_token(client: Client, mint: token_service_pb2_grpc.MintServiceStub) -> None:
    demo = client.world.demo
    begun = await begin(client, scope="FILE.ALL openid", device_name="客厅电视", device_id="tv-1")
    async with client.world.http() as http:
        metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["device_authorization_endpoint"] == f"{metadata['issuer']}/v2/oauth/device/code"
    assert GRANT in metadata["grant_types_supported"]
    page = f"{metadata['issuer']}/logon/device"
    assert begun == {
        "device_code": begun["device_code"],
        "user_code": begun["user_code"],
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={begun['user_code']}",
        "expires_in": 600,
        "interval": 5,
    }
    assert error(await poll(client, begun["device_code"])) == (400, "authorization_pending", "AuthorizationPending")
    assert error(await poll(client, begun["device_code"])) == (400, "slow_down", "SlowDown")
    asked = await decide(client, mint, begun["user_code"].lower(), DECISIONS.DECISION_APPROVE)
    assert (asked.client_id, asked.device_name, list(asked.scopes)) == (
        *(demo["client_id"], "客厅电视"),
        ["FILE.ALL", "openid"],
    )
    answer = (await poll(client, begun["device_code"])).json()
    assert (answer["user_id"], answer["scope"], answer["device_id"], answer["device_name"]) == (
        *(demo["user_id"], "FILE.ALL openid"),
        *("tv-1", "客厅电视"),
    )
    assert answer["id_token"]
    assert error(await poll(client, begun["device_code"])) == (400, "invalid_grant", "InvalidParameter.Grant")


async def test_a_device_is_denied(client: Client, mint: token_service_pb2_grpc.MintServiceStub) -> None:
    begun = await begin(client)
    await decide(client, mint, begun["user_code"], DECISIONS.DECISION_DENY)
    assert error(await poll(client, begun["device_code"])) == (400, "access_denied", "AccessDenied")


async def test_json_is_taken_as_a_form_is(client: Client) -> None:
    demo = client.world.demo
    body = {"client_id": demo["client_id"], "client_secret": demo["client_secret"], "scope": "FILE.ALL"}
    async with client.world.http() as http:
        assert (await http.post("/v2/oauth/device/code", json=body)).json()["interval"] == 5
        for request, expected in (
            ({"json": body | {"client_secret": "wrong"}}, (401, "invalid_client", "InvalidParameter.ClientId")),
            ({"json": body | {"scope": "MORE"}}, (400, "invalid_scope", "InvalidParameterOutOfRange")),
            ({"data": body | {"device_name": "x" * 129}}, (400, "invalid_request", "InvalidParameter")),
            (
                {"data": {"client_id": demo["jwt_client_id"]}},
                (400, "unauthorized_client", "InvalidParameterNotSupported"),
            ),
        ):
            assert error(await http.post("/v2/oauth/device/code", **request)) == expected
        assert (await http.get("/v2/oauth/device/code")).status_code == 404
