"""Asks the edge about a request, as the gateway does."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

import jwt
from tessera.edge import external_auth_pb2 as auth_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.calls import Metadata
from tests.support.token import Running
from tests.support.token_client import TokenClient

LINK = "/v2/account/link"
HOST = "gateway.example.com"
AUDIENCES = {"pds": "account", "rpc": "account", "tpns": "binding"}


@dataclass(frozen=True)
class Sent:
    """A request as it reaches the gateway."""

    surface: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    method: str = "POST"
    host: str = HOST
    client: str = "192.0.2.7"

    def but(self, **changed: Any) -> "Sent":
        return replace(self, **changed)

    def with_headers(self, **changed: str | None) -> "Sent":
        """Headers other than they were; `None` takes one away."""
        merged = {**self.headers, **{name.replace("_", "-"): value for name, value in changed.items()}}
        return replace(self, headers={name: value for name, value in merged.items() if value is not None})


def behind_nonce(sent: Sent, text: str) -> Sent:
    """The request with something behind its nonce that could be trimmed away."""
    return sent.with_headers(x_acs_signature_nonce=sent.headers["x-acs-signature-nonce"] + text)


def query(parameters: Mapping[str, str]) -> str:
    return urlencode(parameters, quote_via=quote)


async def check(service: Running, sent: Sent, caller: Metadata | None = None) -> auth_pb2.CheckResponse:
    http = auth_pb2.AttributeContext.HttpRequest(
        method=sent.method, path=sent.path, host=sent.host, headers=sent.headers, raw_body=sent.body
    )
    address = auth_pb2.Address(socket_address=auth_pb2.SocketAddress(address=sent.client))
    attributes = auth_pb2.AttributeContext(
        source=auth_pb2.AttributeContext.Peer(address=address),
        request=auth_pb2.AttributeContext.Request(http=http),
        context_extensions={"surface": sent.surface, "audience": AUDIENCES.get(sent.surface, "binding")},
    )
    request = auth_pb2.CheckRequest(attributes=attributes)
    return await service.edge.Check(request, metadata=service.gateway() if caller is None else caller)


async def outcome(service: Running, sent: Sent) -> str:
    """`passed`, or HTTP status and reason of a refusal."""
    answer = await check(service, sent)
    if answer.status.code == 0:
        return "passed"
    return f"{answer.denied_response.status.code} {reason(answer)}"


def reason(answer: auth_pb2.CheckResponse) -> str:
    return json.loads(answer.denied_response.body)["details"][0]["reason"]


def message(answer: auth_pb2.CheckResponse) -> str:
    return json.loads(answer.denied_response.body)["message"]


def claims(answer: auth_pb2.CheckResponse) -> dict[str, Any]:
    """What the internal token says."""
    assert answer.status.code == 0, answer.denied_response.body
    (option,) = answer.ok_response.headers
    return jwt.decode(option.header.value, options={"verify_signature": False})


@dataclass(frozen=True)
class Key:
    """An access key."""

    id: str
    secret: str


async def make_key(service: TokenClient, *permissions: str, **limits: Any) -> Key:
    request = admin_pb2.CreateAccessKeyRequest(permissions=permissions or ["account.link"], **limits)
    made = await service.admin.CreateAccessKey(request, metadata=await service.operator())
    return Key(made.access_key_id, made.access_key_secret)
