"""Envoy answers as grpc-gateway does: the same status and JSON for every annotated RPC that succeeds."""

import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from deploy.clients import ROOT
from tests.support.rest_calls import REST_CALLS, Client, RestCall
from tests.support.token_client import content

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# What Envoy answers beside, by path, and why.
BESIDE = {
    # The vendor's pages spell the first two members in two ways, and clients of both are about.
    "/v3/device/account/query": {"retCode": "ret_code", "errMsg": "err_msg"},
}

# What no two answers have in common, by its name. Everything else must be equal, and these must be alike in type.
DIFFERENT = {
    "refresh_token",  # random
    "expire_time",  # a second may pass between the two
    "RequestId",  # the call's
    "created_at",  # each call makes a user of its own
    "updated_at",
    "etag",
    "sms_code_id",  # each call sends a code of its own
    "device_code",  # each device gets its own
    "user_code",
    "verification_uri_complete",
    "jti",  # the token's
    "sid",  # the session's
    "iat",  # as expire_time
    "exp",
    "nbf",
    "auth_time",
    "at_hash",  # of the access token
}


@pytest.mark.parametrize("call", REST_CALLS, ids=str)
async def test_the_same_answer(
    call: RestCall, client: Client, envoy: httpx.AsyncClient, proxy: httpx.AsyncClient
) -> None:
    headers = await client.headers(call.credential)
    ours = await _through_envoy(call, client, envoy, headers)
    theirs = await _through_proxy(call, client, proxy, headers)
    assert theirs.status_code == ours.status_code == 200, (ours.text, theirs.text)
    assert _media_type(theirs) == _media_type(ours) == "application/json"
    answer = ours.json()
    for name, original in BESIDE.get(call.path, {}).items():
        assert answer.pop(name) == answer[original]
    assert _comparable(answer) == _comparable(theirs.json())


async def _through_envoy(
    call: RestCall, client: Client, http: httpx.AsyncClient, headers: Mapping[str, str]
) -> httpx.Response:
    if call.body is None:
        return await http.get(call.path, headers=headers)
    body = await call.body(client)
    if call.path.startswith("/rpc/"):
        action = {"Action": call.path.removeprefix("/rpc/"), "Format": "JSON"}
        return await http.get("/", params=action | body, headers=headers)
    return await http.post(call.path, json=body, headers=headers)


async def _through_proxy(
    call: RestCall, client: Client, http: httpx.AsyncClient, headers: Mapping[str, str]
) -> httpx.Response:
    if call.body is None:
        return await http.get(call.path, headers=headers)
    return await http.post(call.path, json=await call.body(client), headers=headers)


def _media_type(answer: httpx.Response) -> str:
    return answer.headers["content-type"].partition(";")[0]


def _comparable(value: Any, name: str = "") -> Any:
    """A JSON value with the types of JSON beside what Python holds equal; what must differ is its type alone."""
    if name in DIFFERENT:
        return type(value)
    if name in ("access_token", "id_token"):
        return _comparable(content(value))
    if isinstance(value, dict):
        return {key: _comparable(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item, name) for item in value]
    # JSON has one kind of number: 1 and 1.0 are equal, "1" and true are not.
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value), value


def test_every_annotated_rpc_is_called_on_every_path() -> None:
    image = FileDescriptorSet.FromString((ROOT / "gen" / "tessera.binpb").read_bytes())
    annotated = set()
    for file in image.file:
        for service in file.service if file.package.startswith("tessera.") else ():
            for method in service.method:
                rule = method.options.Extensions[annotations_pb2.http]
                for binding in (rule, *rule.additional_bindings) if rule.WhichOneof("pattern") else ():
                    path = re.sub(r"{\w+}", "bj1", getattr(binding, binding.WhichOneof("pattern")))
                    annotated.add((f"{service.name}.{method.name}", path))
    assert annotated == {(call.rpc, call.path) for call in REST_CALLS}


def test_what_differs_is_still_compared_by_type() -> None:
    assert _comparable({"exp": 1, "n": 1}) == _comparable({"exp": 2, "n": 1.0})
    for other in (
        {"exp": "2", "n": 1},
        {"exp": 2, "n": "1"},
        {"exp": 2, "n": True},
        {"exp": 2},
        {"exp": 2, "n": 1, "m": 0},
    ):
        assert _comparable({"exp": 1, "n": 1}) != _comparable(other)
