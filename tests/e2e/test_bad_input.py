"""What strangers get wrong, on each surface: the surface's own words, and nothing changed."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from defusedxml import ElementTree

from deploy.local.postgres import Postgres
from deploy.local.stack import Stack
from tests.support.world import JWT_BEARER, World

TOKEN = "/v2/oauth/token"
LINK = "/v2/account/link"
BATCH = "/v3/device/account/batchoperate"
JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Case:
    """One bad request and the code that answers it."""

    why: str
    content: str | bytes
    code: Any
    status: int = 400
    path: str = ""
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)

    def __str__(self) -> str:
        return self.why


async def contents(stack: Stack) -> dict[str, str]:
    """A digest of every table of all services.

    But for the audit log, the assertions that services renew their own tokens by, and leases: all are there to change.
    """
    digests = {}
    postgres = Postgres(stack.home, os.environ)
    for service in ("token", "account", "binding"):
        connection = await asyncpg.connect(postgres.dsn(service))
        tables = await connection.fetch(
            "select format('%I.%I', schemaname, tablename) t from pg_tables where schemaname = $1 "
            "and tablename !~ '^(audit|used_assertion|lease|followed_feed|schema_migrations)'",
            service,
        )
        for row in tables:
            digests[row["t"]] = await connection.fetchval(
                f"select md5(coalesce(string_agg(x::text, '|' order by x::text), '')) from {row['t']} x"
            )
        await connection.close()
    assert digests
    return digests


@pytest_asyncio.fixture
async def http(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with world.http() as client:
        yield client


def no_inner_text(answer: httpx.Response) -> None:
    """Neither parser prose nor the machinery's headers reach a stranger."""
    for word in ("protobuf", "Traceback", "envoy", "grpc", "INVALID_ARGUMENT", "asyncpg", "Unexpected token"):
        assert word not in answer.text, answer.text
    assert not [name for name in answer.headers if name.startswith(("grpc-", "x-envoy", "x-tessera"))]


def form(**parameters: str) -> str:
    return str(httpx.QueryParams(parameters))


OAUTH = [
    Case("not JSON", '{"grant_type":', "invalid_request"),
    Case("an array", "[]", "invalid_request"),
    Case("a number for a text", '{"grant_type": {"a": 1}}', "invalid_request"),
    Case("an empty body", "", "invalid_request"),
    Case("no grant", "client_id=x", "invalid_request", headers=FORM),
    Case("an unknown grant", form(grant_type="password", client_id="x"), "unsupported_grant_type", headers=FORM),
    Case(
        "a parameter twice",
        "grant_type=refresh_token&grant_type=refresh_token&client_id=x",
        "invalid_request",
        headers=FORM,
    ),
    Case(
        "an unknown client",
        form(grant_type="client_credentials", client_id="nobody", client_secret="x"),
        "invalid_client",
        401,
        headers=FORM,
    ),
    Case(
        "a wrong secret",
        form(grant_type="client_credentials", client_id="{client_id}", client_secret="x"),
        "invalid_client",
        401,
        headers=FORM,
    ),
    Case(
        "a refresh token that is none",
        form(grant_type="refresh_token", client_id="{jwt_client_id}", refresh_token="060e78d36afb4879b51e4264e9541c16"),
        "invalid_grant",
        headers=FORM,
    ),
    Case(
        "an assertion that is none",
        form(grant_type=JWT_BEARER, client_id="{jwt_client_id}", assertion="a.b.c"),
        "invalid_grant",
        headers=FORM,
    ),
    Case(
        "a code that is none",
        form(
            grant_type="authorization_code",
            client_id="{client_id}",
            client_secret="{client_secret}",
            code="0045157fa8e24f4f9a0d9e3ff158c1e0",
            redirect_uri="{redirect_uri}",
        ),
        "invalid_grant",
        headers=FORM,
    ),
    Case(
        "a scope that the app does not have",
        form(grant_type="client_credentials", client_id="{client_id}", client_secret="{client_secret}", scope="push:1"),
        "invalid_scope",
        headers=FORM,
    ),
    Case("too large a body", "x" * 70_000, "invalid_request", 413),
    Case("a wrong method", "", "invalid_request", 404, method="PUT"),
    Case("broken percent signs", "grant_type=%zz&client_id=%", "invalid_request", headers=FORM),
]


@pytest.mark.parametrize("case", OAUTH, ids=str)
async def test_oauth(world: World, stack: Stack, http: httpx.AsyncClient, case: Case) -> None:
    before = await contents(stack)
    answer = await http.request(case.method, TOKEN, content=filled(case, world), headers=case.headers)
    assert answer.status_code == case.status, answer.text
    body = answer.json()
    assert body["error"] == case.code
    # The vendor's clients read code and message, RFC 6749's the other two.
    assert {"error", "error_description", "code", "message"} == set(body)
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (case.status == 401)
    assert answer.headers["x-ca-request-id"]
    no_inner_text(answer)
    assert await contents(stack) == before


def filled(case: Case, world: World) -> str | bytes:
    """The case's content with the demo's values in place of their names."""
    content = case.content
    if isinstance(content, str):
        for name, value in world.demo.items():
            for written in (f"%7B{name}%7D", f"{{{name}}}"):
                content = content.replace(written, httpx.QueryParams({"v": str(value)}).__str__()[2:])
    return content


def link(**changed: Any) -> str:
    return json.dumps({"user_id": "u", "type": "custom", "identity": "i"} | changed)


PDS = [
    Case("not JSON", "{", "InvalidRequestJSONFormat"),
    Case("a list for a text", link(identity=["a"]), "InvalidRequestJSONFormat"),
    Case("no user", link(user_id=""), "InvalidParameterMissing"),
    Case("no type", link(type=""), "InvalidParameterMissing"),
    Case("an unknown type", link(type="pigeon"), "InvalidParameter"),
    Case("control characters", link(identity="a\x00b"), "InvalidParameter"),
    Case("256 characters", link(identity="x" * 256), "InvalidParameter"),
    Case("a number that is none", link(type="mobile", identity="12"), "InvalidParameter"),
    Case("an address that is none", link(type="email", identity="a@"), "InvalidParameter"),
    Case("a country that is none", link(type="mobile", identity="13900001111", extra="zz"), "InvalidParameter"),
    Case("a blank in the user id", link(user_id="a b"), "InvalidParameter"),
    Case("65 characters of user id", link(user_id="u" * 65), "InvalidParameter"),
    Case("an unknown user", link(user_id="nobody"), "NotFound.User", 404),
    Case("too large a body", "x" * 70_000, "InvalidParameterOutOfRange", 413),
    Case("an unknown path", "{}", "NotFound", 404, path="/v2/account/no_such_thing"),
    Case("a wrong method", "{}", "NotFound", 404, method="PUT"),
    Case(
        "a query that would override", "{}", "InvalidParameterMissing", path=LINK + "?user_id=u&type=custom&identity=i"
    ),
]


@pytest.mark.parametrize("case", PDS, ids=str)
async def test_pds(world: World, stack: Stack, http: httpx.AsyncClient, case: Case) -> None:
    headers = await world.bearer(http) | case.headers
    before = await contents(stack)
    answer = await http.request(case.method, case.path or LINK, content=case.content, headers=headers)
    assert answer.status_code == case.status, answer.text
    assert answer.json()["code"] == case.code, answer.text
    assert set(answer.json()) == {"code", "message"}
    assert answer.headers["x-ca-request-id"]
    no_inner_text(answer)
    assert await contents(stack) == before


NOTHING = (400, "MissingAccessKeyId")
UNKNOWN = (401, "InvalidAccessKeyId")
INVALID = (401, "AccessTokenInvalid")
# What is said of it on /v2 and in the RPC style.
CREDENTIALS = {
    "none": ({}, INVALID, NOTHING),
    "an empty one": ({"authorization": ""}, INVALID, NOTHING),
    "no token": ({"authorization": "Bearer"}, INVALID, UNKNOWN),
    "not a JWT": ({"authorization": "Bearer abc"}, INVALID, UNKNOWN),
    "a scheme that nobody knows": ({"authorization": "Digest abc"}, INVALID, UNKNOWN),
    "a signature of nobody": ({"authorization": "acs nobody:AAAA"}, (400, "IncompleteSignature"), UNKNOWN),
    "an edge token of one's own": ({"x-tessera-edge-token": "abc"}, INVALID, NOTHING),
}


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("path", [LINK, "/?Action=DescribeOpenAccount&IdentityId=x&Format=JSON", BATCH])
async def test_no_good_credential(world: World, http: httpx.AsyncClient, path: str, credential: str) -> None:
    headers, on_pds, on_rpc = CREDENTIALS[credential]
    answer = await http.post(path, content="{}", headers=JSON | headers)
    body = answer.json()
    if path == BATCH:
        assert (answer.status_code, body["ret_code"]) == (200, 1008003)
    else:
        told = answer.status_code, body.get("code") or body.get("Code")
        assert told == (on_pds if path == LINK else on_rpc)
    no_inner_text(answer)


ACTION = "Action=DescribeOpenAccount"
RPC = [
    Case("no action", "", "MissingParameter", path="/?Format=JSON"),
    Case("an unknown action", "", "InvalidAction.NotFound", 404, path="/?Action=Nothing&Format=JSON"),
    Case("an action that is none", "", "InvalidAction.NotFound", 404, path="/?Action=../v1&Format=JSON"),
    Case("two actions", "", "InvalidParameter", path=f"/?{ACTION}&{ACTION}&Format=JSON"),
    Case("a parameter twice", "", "InvalidParameter", path=f"/?{ACTION}&IdentityId=a&IdentityId=b&Format=JSON"),
    Case("nothing to look for", "", "MissingParameter", path=f"/?{ACTION}&Format=JSON"),
    Case("a provider without its token", "", "MissingParameter", path=f"/?{ACTION}&Idp=ALIOS&Format=JSON"),
    Case("a token without its provider", "", "MissingParameter", path=f"/?{ACTION}&IdToken=x&Format=JSON"),
    Case("an unknown provider", "", "InvalidParameter.Idp", path=f"/?{ACTION}&IdToken=x&Idp=Y&Format=JSON"),
    Case("an unknown account", "", "EntityNotExist.OpenAccount", 404, path=f"/?{ACTION}&IdentityId=nobody&Format=JSON"),
    Case(
        "another project",
        "",
        "EntityNotExist.OpenAccount",
        404,
        path=f"/?{ACTION}&IdentityId={{identity_id}}&ProjectId=other&Format=JSON",
    ),
    Case(
        "another account of the provider",
        "",
        "InvalidParameterNotMatch",
        path=f"/?{ACTION}&IdentityId={{identity_id}}&OpenId=other&Format=JSON",
    ),
    Case("an unknown format", "", "InvalidParameter.Format", path=f"/?{ACTION}&IdentityId=a&Format=YAML"),
    Case("control characters", "", "EntityNotExist.OpenAccount", 404, path=f"/?{ACTION}&IdentityId=a%00b&Format=JSON"),
]


@pytest.mark.parametrize("case", RPC, ids=str)
@pytest.mark.parametrize("form", ["JSON", "XML"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_rpc(world: World, stack: Stack, http: httpx.AsyncClient, case: Case, *, form: str, method: str) -> None:
    headers = await world.bearer(http)
    before = await contents(stack)
    path = case.path.replace("Format=JSON", f"Format={form}").replace("{identity_id}", world.demo["identity_id"])
    if method == "GET":
        answer = await http.get(path, headers=headers)
    else:
        answer = await http.post("/", content=path.removeprefix("/?"), headers=headers | FORM)
    assert answer.status_code == case.status, answer.text
    if answer.headers["content-type"].startswith("text/xml"):
        root = ElementTree.fromstring(answer.text)
        assert root.tag == "Error"
        body = {element.tag: element.text for element in root}
    else:
        body = answer.json()
    assert (form == "XML" or case.why == "an unknown format") == answer.headers["content-type"].startswith("text/xml")
    assert body["Code"] == case.code
    assert {"RequestId", "HostId", "Code", "Message"} <= set(body)
    assert body["RequestId"] == body["RequestId"].upper()
    no_inner_text(answer)
    assert await contents(stack) == before


async def test_what_is_not_public_is_not_there(world: World, http: httpx.AsyncClient) -> None:
    headers = await world.bearer(http)
    for path in (
        "/tessera.token.v1.MintService/IssueToken",
        "/tessera.token.v1.KeyService/ListVerificationKeys",
        "/tessera.token.v1.TokenAdminService/UpdateApp",
        "/tessera.token.v1.DomainService/CreateDomain",
        "/tessera.token.v1.TokenAdminService/CreateApp",
        "/tessera.token.v1.UserService/CreateUser",
        "/tessera.account.v1.AccountAdminService/CreateProject",
        "/envoy.service.auth.v3.Authorization/Check",
        "/grpc.health.v1.Health/Check",
        "/rpc/DescribeOpenAccount",
        "/v2/account/../../tessera.token.v1.MintService/IssueToken",
        "/v2/account/%2e%2e/rpc/DescribeOpenAccount",
    ):
        for kind in ("application/json", "application/grpc"):
            answer = await http.post(path, content=b"", headers=headers | {"content-type": kind})
            if kind == "application/grpc":
                assert answer.headers.get("grpc-status") == "12" or answer.status_code in (400, 404), path
            else:
                assert answer.status_code in (400, 404), (path, answer.text)
