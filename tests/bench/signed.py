"""Requests by each scheme of the edge, made beforehand: as a client sends them, and as the gateway asks about them."""

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from tessera.edge import external_auth_pb2 as auth_pb2

from tests.support import signatures
from tests.support.signatures import Headers

_JSON = "application/json"


@dataclass(frozen=True)
class Credentials:
    """What requests are proven by, and what they ask about.

    Args:
        key: an access key's id and secret.
        push: a push app's id and secret.
        server: an access token that may do what the access key may, as `authorization` has it.
        push_token: one for the push app.
        identity: a `custom` identity whose link is there.
        open_account: an open account's id.
        account: a push account with a device token.
    """

    key: tuple[str, str]
    push: tuple[str, str]
    server: str
    push_token: str
    identity: str
    open_account: str
    account: str


@dataclass(frozen=True)
class Request:
    """An HTTP request to the gateway."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""

    def sent(self, host: str) -> bytes:
        """As a client sends it."""
        headers = {"host": host} | self.headers
        if self.body:
            headers["content-length"] = str(len(self.body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.method} {self.target} HTTP/1.1\r\n{lines}\r\n".encode() + self.body

    def asked(self, host: str, surface: str, audience: str) -> bytes:
        """As the gateway asks about it: a CheckRequest."""
        headers = self.headers | {
            ":authority": host,
            ":method": self.method,
            ":path": self.target,
            ":scheme": "http",
            "x-forwarded-proto": "http",
            "x-request-id": str(uuid.uuid4()),
        }
        headers.pop("host", None)
        if self.body:
            headers["content-length"] = str(len(self.body))
        context = auth_pb2.AttributeContext
        source = context.Peer(address=auth_pb2.Address(socket_address=auth_pb2.SocketAddress(address="127.0.0.1")))
        http = context.HttpRequest(method=self.method, path=self.target, host=host, headers=headers, raw_body=self.body)
        attributes = context(
            source=source,
            request=context.Request(http=http),
            context_extensions={"surface": surface, "audience": audience},
        )
        return auth_pb2.CheckRequest(attributes=attributes).SerializeToString()


@dataclass(frozen=True)
class Call:
    """A call, and a way to make a request of it by each scheme; the first brings an access token."""

    name: str
    surface: str
    audience: str
    schemes: dict[str, Callable[[Credentials, str], Request]]


def _links(sign: Callable[[Credentials, str, bytes], Headers]) -> Callable[[Credentials, str], Request]:
    def make(credentials: Credentials, host: str) -> Request:
        body = json.dumps({"type": "custom", "identity": credentials.identity}).encode()
        return Request("POST", _LINK_INFO, sign(credentials, host, body), body)

    return make


def _accounts(sign: Callable[[Credentials, bytes], Headers]) -> Callable[[Credentials, str], Request]:
    def make(credentials: Credentials, _host: str) -> Request:
        body = json.dumps({"operator_type": 1, "account_list": [{"account": credentials.account}]}).encode()
        return Request("POST", "/v3/device/account/query", sign(credentials, body), body)

    return make


def _described(credentials: Credentials) -> dict[str, str]:
    return {"Action": "DescribeOpenAccount", "Format": "JSON", "IdentityId": credentials.open_account}


def _describe_by_token(credentials: Credentials, _host: str) -> Request:
    return Request("GET", "/?" + urlencode(_described(credentials)), {"authorization": credentials.server})


def _describe_by_signature(credentials: Credentials, _host: str) -> Request:
    parameters = signatures.rpc(*credentials.key, **_described(credentials))
    return Request("GET", "/?" + urlencode(parameters, quote_via=quote), {})


def _describe_by_acs3(credentials: Credentials, host: str) -> Request:
    query = _described(credentials)
    headers = signatures.acs3(
        *credentials.key, "/", query=query, method="GET", host=host, x_acs_action="DescribeOpenAccount"
    )
    return Request("GET", "/?" + urlencode(query, quote_via=quote), headers)


_LINK_INFO = "/v2/account/get_link_info"
BEARER = "Bearer"
"""The scheme that takes no way through token."""

CALLS = (
    Call(
        _LINK_INFO,
        "pds",
        "account",
        {
            BEARER: _links(lambda own, _host, _body: {"authorization": own.server, "content-type": _JSON}),
            "acs": _links(lambda own, _host, _body: signatures.acs(*own.key, _LINK_INFO)),
            "ACS4": _links(lambda own, _host, body: signatures.acs4(*own.key, _LINK_INFO, body)),
            "ACS3": _links(lambda own, host, body: signatures.acs3(*own.key, _LINK_INFO, body, host=host)),
        },
    ),
    Call(
        "/?Action=DescribeOpenAccount",
        "rpc",
        "account",
        {BEARER: _describe_by_token, "signature 1.0": _describe_by_signature, "ACS3": _describe_by_acs3},
    ),
    Call(
        "/v3/device/account/query",
        "tpns",
        "binding",
        {
            BEARER: _accounts(lambda own, _body: {"authorization": own.push_token, "content-type": _JSON}),
            "Basic": _accounts(lambda own, _body: {"authorization": basic(*own.push), "content-type": _JSON}),
            "Sign": _accounts(lambda own, body: signatures.sign(*own.push, body)),
        },
    ),
)
"""Cheap calls of each surface that takes something else than an access token."""


def prepared(make: Callable[[], bytes], calls: int, chains: int) -> list[list[str]]:
    """Requests of so many calls, spread over chains, in base64."""
    made: Iterator[str] = (base64.b64encode(make()).decode() for _ in range(calls))
    requests = list(made)
    return [requests[number::chains] for number in range(chains)]


def basic(identifier: str, secret: str) -> str:
    """`authorization` of who has a secret."""
    return "Basic " + base64.b64encode(f"{identifier}:{secret}".encode()).decode()
