"""docs/openapi.yaml says what the gateway does: every call in every form, its answers and its errors."""

from typing import Any

import httpx
import jsonschema
import pytest
import yaml
from defusedxml import ElementTree

from deploy.local.stack import Stack
from deploy.openapi.__main__ import PAGE
from tests.support.rest_calls import REST_CALLS, Client, RestCall

# By the parser in C: it is read whenever tests are collected.
DOCUMENT = yaml.load(PAGE.read_text(encoding="utf-8"), yaml.CSafeLoader)
JSON, FORM, XML = "application/json", "application/x-www-form-urlencoded", "text/xml"


def closed(node: Any) -> Any:
    """The same, but for members that are not described: here these are mistakes."""
    if isinstance(node, dict):
        closing = {"additionalProperties": False} if "properties" in node else {}
        return {key: closed(value) for key, value in node.items()} | closing
    return [closed(each) for each in node] if isinstance(node, list) else node


CLOSED = closed(DOCUMENT["components"])


def media_type(answer: httpx.Response) -> str:
    return answer.headers["content-type"].partition(";")[0]


def check(answer: httpx.Response, operation: dict[str, Any]) -> Any:
    """Check an answer against what is documented; returns it read and the description of its status."""
    documented = operation["responses"]
    response = documented.get(str(answer.status_code)) or documented["default"]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    schema = closed(response["content"][media_type(answer)]["schema"])
    value = value_of_xml(answer.text, schema) if media_type(answer) == XML else answer.json()
    jsonschema.Draft202012Validator({**schema, "components": CLOSED}).validate(value)
    return value, response["description"]


def value_of_xml(text: str, schema: dict[str, Any]) -> Any:
    """A document as the JSON value that the schema describes, whose root is named as the schema says."""
    root = ElementTree.fromstring(text)
    name = schema["$ref"].rpartition("/")[2]
    assert root.tag == CLOSED["schemas"][name].get("xml", {}).get("name", name)

    def value(element: Any, described: dict[str, Any]) -> Any:
        for inner in described.get("allOf", []):
            described = inner
        if "$ref" in described:
            described = CLOSED["schemas"][described["$ref"].rpartition("/")[2]]
        if described["type"] == "object":
            children: dict[str, Any] = {}
            for child in element:
                member = described["properties"][child.tag]
                if member.get("type") == "array":
                    children.setdefault(child.tag, []).append(value(child, member["items"]))
                else:
                    assert child.tag not in children
                    children[child.tag] = value(child, member)
            return children
        return int(element.text) if described["type"] == "integer" else element.text or ""

    return value(root, schema)


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    return Client(stack)


def documented(call: RestCall) -> tuple[str, dict[str, Any]]:
    """A call's path in the document, and the operations there."""
    path = call.path.replace("/rpc/", "/?Action=").replace("/d/bj1", "/d/{domain_id}")
    return path, DOCUMENT["paths"][path]


@pytest.mark.parametrize("call", REST_CALLS, ids=str)
async def test_a_call_in_every_documented_form_and_with_every_credential(call: RestCall, client: Client) -> None:
    path, operations = documented(call)
    made = 0
    async with client.world.http() as http:
        for verb, operation in operations.items():
            # At the OAuth endpoints the credential is a part of the request; what is a user's own no server may do.
            ways = (
                [call.credential]
                if path.startswith("/v2/oauth/") or call.credential == "own_access_token"
                else [name for way in operation["security"] for name in way]
            )
            for credential in ways or [""]:
                for kind in operation.get("requestBody", {"content": {"": {}}})["content"]:
                    for style in ({"Format": "JSON"}, {"Format": "xml"}, {}) if "?" in path else ({},):
                        body = await call.body(client) if call.body else None
                        if "?" in path and body is not None:
                            body |= style | ({"Action": path.partition("=")[2]} if kind == "" else {})
                        place = {FORM: "data", JSON: "json", "": "params"}[kind]
                        headers = await client.headers(credential)
                        answer = await http.request(
                            verb,
                            call.path if "?" not in path else "/" if kind == "" else path,
                            headers=headers,
                            **{place: body},
                        )
                        assert answer.status_code == 200, (verb, kind, credential, answer.text)
                        value, _ = check(answer, operation)
                        assert value.get("ret_code", 0) in (0, 1008026)
                        made += 1
    assert made


def test_every_documented_call_is_made() -> None:
    gateways_own = {"/ready", "/healthz"}
    assert {documented(call)[0] for call in REST_CALLS} == set(DOCUMENT["paths"]) - gateways_own


@pytest.mark.parametrize("path", ["/ready", "/healthz"])
async def test_health(client: Client, path: str) -> None:
    async with client.world.http() as http:
        assert check(await http.get(path), DOCUMENT["paths"][path]["get"])[0] == {"status": "ok"}


SERVER, USER, PUSH, NOBODY = "access_token", "own_access_token", "push_app", ""
DESCRIBE = "/?Action=DescribeOpenAccount"
LINK = {"user_id": "nobody", "type": "custom", "identity": "x"}

# (path, verb, who calls, request, status, the surface's word for it)
ERRORS: list[tuple[str, str, str, dict[str, Any], int, object]] = [
    ("/v2/oauth/token", "post", NOBODY, {"data": {}}, 400, "invalid_request"),
    (
        "/v2/oauth/token",
        "post",
        NOBODY,
        {"content": "grant_type=a&grant_type=b", "headers": {"content-type": FORM}},
        400,
        "invalid_request",
    ),
    ("/v2/oauth/token", "post", NOBODY, {"json": {"grant_type": "magic"}}, 400, "unsupported_grant_type"),
    (
        "/v2/oauth/token",
        "post",
        NOBODY,
        {"data": {"grant_type": "client_credentials", "client_id": "x"}},
        401,
        "invalid_client",
    ),
    (
        "/v2/oauth/token",
        "post",
        "client",
        {"data": {"grant_type": "refresh_token", "refresh_token": "x"}},
        400,
        "invalid_grant",
    ),
    ("/v2/oauth/token", "post", NOBODY, {"content": bytes(70_000)}, 413, "invalid_request"),
    ("/v2/user/create", "post", NOBODY, {"json": {}}, 401, "AccessTokenInvalid"),
    ("/v2/user/create", "post", SERVER, {"json": {"role": "superadmin"}}, 403, "Forbidden"),
    ("/v2/user/create", "post", SERVER, {"json": {"user_id": "a#b"}}, 400, "InvalidParameter"),
    ("/v2/user/get", "post", SERVER, {"json": {"user_id": "nobody"}}, 404, "NotFound.User"),
    ("/v2/user/get", "post", SERVER, {"json": {}}, 400, "InvalidParameterMissing"),
    ("/v2/user/update", "post", SERVER, {"json": {"user_id": "nobody"}}, 404, "NotFound.User"),
    ("/v2/user/update", "post", SERVER, {"json": {"user_id": "nobody", "status": "gone"}}, 400, "InvalidParameter"),
    ("/v2/user/delete", "post", SERVER, {"json": {"user_id": "nobody"}}, 404, "NotFound.User"),
    ("/v2/user/list", "post", SERVER, {"json": {"marker": "x"}}, 400, "InvalidParameter"),
    ("/v2/account/send_sms_code", "post", SERVER, {"json": {"email": "ann@example.com"}}, 403, "Forbidden"),
    ("/v2/account/send_sms_code", "post", USER, {"json": {}}, 400, "InvalidParameterMissing"),
    ("/v2/account/link", "post", USER, {"json": LINK}, 404, "NotFound.User"),
    ("/v2/oauth/revoke", "post", NOBODY, {"data": {"token": "x"}}, 401, "invalid_client"),
    ("/v2/oauth/revoke", "post", "client", {"data": {}}, 400, "invalid_request"),
    ("/v2/oauth/introspect", "post", NOBODY, {"data": {"token": "x", "client_id": "x"}}, 401, "invalid_client"),
    ("/v2/oauth/introspect", "post", "client", {"data": {"token": "x", "client_secret": "x"}}, 400, "invalid_request"),
    ("/v2/oauth/userinfo", "get", NOBODY, {}, 401, "invalid_token"),
    ("/v2/oauth/userinfo", "get", SERVER, {}, 403, "insufficient_scope"),
    ("/v2/oauth/userinfo", "post", SERVER, {}, 403, "insufficient_scope"),
    ("/v2/user/get_access_token", "post", NOBODY, {"json": {"user_id": "x"}}, 401, "AccessTokenInvalid"),
    ("/v2/user/get_access_token", "post", PUSH, {"json": {"user_id": "x"}}, 401, "AccessTokenInvalid"),
    ("/v2/user/get_access_token", "post", SERVER, {"json": {"user_id": "nobody"}}, 404, "NotFound.User"),
    ("/v2/user/get_access_token", "post", SERVER, {"json": {}}, 400, "InvalidParameterMissing"),
    ("/v2/account/link", "post", NOBODY, {"json": LINK}, 401, "AccessTokenInvalid"),
    ("/v2/account/link", "post", SERVER, {"content": b"{"}, 400, "InvalidRequestJSONFormat"),
    ("/v2/account/link", "post", SERVER, {"json": LINK | {"type": "pigeon"}}, 400, "InvalidParameter"),
    ("/v2/account/link", "post", SERVER, {"json": LINK}, 404, "NotFound.User"),
    ("/v2/account/unlink", "post", SERVER, {"json": LINK | {"type": "pigeon"}}, 400, "InvalidParameter"),
    ("/v2/account/get_link_info", "post", SERVER, {"json": LINK}, 404, "NotFound.AccountLink"),
    ("/v2/account/get_link_info", "post", SERVER, {"json": {}}, 400, "InvalidParameterMissing"),
    ("/v2/account/link", "post", SERVER, {"json": {}}, 400, "InvalidParameterMissing"),
    ("/v2/account/unlink", "post", SERVER, {"json": {}}, 400, "InvalidParameterMissing"),
    ("/v2/account/get_link_info_by_user_id", "post", SERVER, {"json": {}}, 400, "InvalidParameterMissing"),
    ("/v2/account/get_link_info_by_user_id", "post", SERVER, {"json": {"user_id": "*"}}, 400, "InvalidParameter"),
    (DESCRIBE, "get", NOBODY, {}, 400, "MissingAccessKeyId"),
    (DESCRIBE, "get", "", {"headers": {"authorization": "Bearer x"}}, 401, "InvalidAccessKeyId"),
    (DESCRIBE, "post", SERVER, {"data": {"Format": "JSON"}}, 400, "MissingParameter"),
    (DESCRIBE, "post", SERVER, {"data": {"Format": "YAML"}}, 400, "InvalidParameter.Format"),
    (DESCRIBE, "post", SERVER, {"data": {"Format": "JSON", "IdentityId": "x"}}, 404, "EntityNotExist.OpenAccount"),
    (DESCRIBE, "post", SERVER, {"data": {"Format": "", "IdentityId": "x"}}, 404, "EntityNotExist.OpenAccount"),
    (DESCRIBE, "post", SERVER, {"data": {"Idp": "x", "IdToken": "x"}}, 400, "InvalidParameter.Idp"),
    ("/?Action=ListOpenAccounts", "post", SERVER, {"data": {"Email": "x"}}, 400, "InvalidParameter"),
    ("/?Action=ListOpenAccountLinks", "post", SERVER, {"data": {"IdentityId": "x"}}, 404, "EntityNotExist.OpenAccount"),
    ("/?Action=DeleteOpenAccount", "get", SERVER, {}, 400, "MissingParameter"),
    ("/v3/device/account/query", "post", NOBODY, {"json": {}}, 200, 1008003),
    ("/v3/device/account/query", "post", PUSH, {"content": b"{"}, 200, 1008001),
    ("/v3/device/account/query", "post", PUSH, {"json": {"operator_type": 2}}, 200, 1008002),
    ("/v3/device/account/query", "post", PUSH, {"json": {"operator_type": 9}}, 200, 1008007),
    ("/v3/device/account/query", "post", PUSH, {"json": {"operator_type": 2, "token_list": ["never"]}}, 200, 10110008),
    ("/v3/device/account/batchoperate", "post", PUSH, {"json": {"operator_type": 4}}, 200, 1008002),
    ("/v3/device/account/batchoperate", "post", SERVER, {"json": {"operator_type": 4}}, 200, 1008003),
    ("/d/{domain_id}/.well-known/jwks.json", "get", NOBODY, {}, 404, "NotFound.Domain"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{error[0]}-{error[-1]}")
async def test_an_error(client: Client, error: tuple[str, str, str, dict[str, Any], int, object]) -> None:
    path, verb, who, request, status, word = error
    headers = request.get("headers", {}) | await client.headers(who)
    async with client.world.http() as http:
        answer = await http.request(verb, path.replace("{domain_id}", "nowhere"), **request | {"headers": headers})
    assert answer.status_code == status, answer.text
    value, description = check(answer, DOCUMENT["paths"][path][verb])
    assert next(value[name] for name in ("error", "code", "Code", "ret_code") if name in value) == word
    if str(status) in DOCUMENT["paths"][path][verb]["responses"]:
        assert f"`{word}`" in description


def test_a_member_that_is_not_described_is_a_mistake() -> None:
    schema = {"$ref": "#/components/schemas/Error", "components": CLOSED}
    jsonschema.Draft202012Validator(schema).validate({"code": "", "message": ""})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({"code": "", "message": "", "more": ""})
