"""What every answer on /v2/oauth carries: RFC 6749 sections 5.1 and 5.2, RFC 6750 section 3, RFC 7009, RFC 7662."""

from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from tests.support.rest_calls import Client

FORM = {"content-type": "application/x-www-form-urlencoded"}
CREDENTIALS = {"grant_type": "client_credentials"}
ENDPOINTS = {"token": CREDENTIALS, "revoke": {"token": "x"}, "introspect": {"token": "x"}}
BASIC = 'Basic realm="tessera"'


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    return Client(stack)


async def post(client: Client, path: str, **request: Any) -> httpx.Response:
    async with client.world.http() as http:
        return await http.post(f"/v2/oauth/{path}", **request)


def never_kept(answer: httpx.Response) -> bool:
    """RFC 6749 section 5.1."""
    return (answer.headers["cache-control"], answer.headers["pragma"]) == ("no-store", "no-cache")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_success_is_kept_nowhere(client: Client, endpoint: str) -> None:
    answer = await post(client, endpoint, data=ENDPOINTS[endpoint], headers=await client.headers("client"))
    assert answer.status_code == 200
    assert never_kept(answer)
    if endpoint != "token":
        assert answer.json() == {"revoke": {}, "introspect": {"active": False}}[endpoint]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "request_",
    [
        {"auth": ("nobody", "wrong")},
        {"headers": {"authorization": "Basic !!!"}},
        {"data": {"client_id": "nobody", "client_secret": "wrong"}},
        {"data": {"client_id": "nobody"}},
    ],
    ids=str,
)
async def test_a_client_that_is_none(client: Client, endpoint: str, request_: dict[str, Any]) -> None:
    """401, and the scheme by which it may try: RFC 6749 section 5.2 and, where no header came, RFC 9110."""
    data = ENDPOINTS[endpoint] | request_.get("data", {})
    answer = await post(client, endpoint, **request_ | {"data": data})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, BASIC)
    assert never_kept(answer)
    said = "The input parameter client_id is not valid."
    assert answer.json() == {
        "error": "invalid_client",
        "error_description": said,
        "code": "InvalidParameter.ClientId",
        "message": said,
    }


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_any_other_refusal(client: Client, endpoint: str) -> None:
    demo = client.world.demo
    twice = ENDPOINTS[endpoint] | {"client_secret": demo["client_secret"], "client_id": demo["client_id"]}
    headers = await client.headers("client")
    for request in (
        {"data": twice, "headers": headers},
        {"content": "token=x&token=y&grant_type=a&grant_type=b", "headers": headers | FORM},
        {"content": b"{", "headers": headers},
        {"data": {}, "headers": headers},
    ):
        answer = await post(client, endpoint, **request)
        assert answer.status_code == 400, request
        assert list(answer.json()) == ["error", "error_description", "code", "message"]
        assert answer.json()["error"] == "invalid_request"
        assert never_kept(answer)
        assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_query_string_is_not_read(client: Client, endpoint: str) -> None:
    """RFC 6749 section 2.3.1: no credential in a URI."""
    demo = client.world.demo
    params = {"client_id": demo["client_id"], "client_secret": demo["client_secret"]}
    assert (await post(client, endpoint, params=params, data=ENDPOINTS[endpoint])).status_code == 401


async def test_get_is_for_nobody(client: Client) -> None:
    """RFC 6749 section 3.2, RFC 7009 section 2.1, RFC 7662 section 2.1: POST."""
    async with client.world.http() as http:
        for endpoint in ENDPOINTS:
            answer = await http.get(f"/v2/oauth/{endpoint}", headers=await client.headers("client"))
            assert (answer.status_code, answer.json()["error"]) == (404, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_a_user_is(client: Client, method: str) -> None:
    """RFC 6750 section 3: who brings no token is not told that it was bad."""
    good, server = await client.headers("openid"), await client.headers("access_token")
    lacking = 'Bearer realm="tessera", error="insufficient_scope", scope="openid"'
    async with client.world.http() as http:
        for headers, status, error, asked in (
            (good, 200, None, None),
            (good | FORM, 200, None, None),
            ({}, 401, "invalid_token", 'Bearer realm="tessera"'),
            ({"authorization": "Bearer x"}, 401, "invalid_token", 'Bearer realm="tessera", error="invalid_token"'),
            (server, 403, "insufficient_scope", lacking),
        ):
            answer = await http.request(method, "/v2/oauth/userinfo", headers=headers)
            assert answer.status_code == status, answer.text
            assert answer.json().get("error") == error
            assert answer.headers.get("www-authenticate") == asked
            assert never_kept(answer)
        answer = await http.request(method, "/v2/oauth/userinfo", headers=good)
    assert (answer.json()["sub"], answer.json()["name"]) == (client.world.demo["user_id"], "Demo")
    assert "picture" not in answer.json()


async def test_a_users_tokens_for_a_server(client: Client) -> None:
    """The vendor's, with PDS's words for what goes wrong."""
    demo, server = client.world.demo, await client.headers("access_token")
    async with client.world.http() as http:
        body = {"user_id": demo["user_id"]}
        response = await http.post("/v2/user/get_access_token", json=body, headers=server)
        answer = response.json()
        assert response.headers["cache-control"] == "no-store"
        assert (answer["user_id"], answer["role"], answer["token_type"]) == (demo["user_id"], "user", "Bearer")
        userinfo = await http.get("/v2/oauth/userinfo", headers={"authorization": f"Bearer {answer['access_token']}"})
        assert userinfo.json()["sub"] == demo["user_id"]
        refused = await http.post("/v2/user/get_access_token", json=body, headers={"authorization": "Digest x"})
        assert (refused.status_code, refused.json()["code"]) == (401, "AccessTokenInvalid")
        forged = server | {"x-tessera-edge-token": server["authorization"].removeprefix("Bearer ")}
        del forged["authorization"]
        refused = await http.post("/v2/user/get_access_token", json=body, headers=forged)
        assert refused.status_code == 401
