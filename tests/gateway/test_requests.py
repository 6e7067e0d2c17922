"""What of a request reaches a service: the body's and the path's values as they were sent, and nothing else."""

import json
import socket
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from tessera.account.v1 import account_service_pb2
from tessera.binding.v1 import binding_service_pb2
from tessera.edge import external_auth_pb2
from tessera.token.v1 import token_service_pb2

from tests.support.gateways import Edge

FORM = "application/x-www-form-urlencoded"
TEXTS = ["", " ", "a b", "a+b", "é ü 漢 😀", "&=%?#/;", "~*'()", '"\\', "\t\r\n", "x" * 4000]


def received(edge: Edge, kind: type[Message], path: str, body: str = "", content_type: str = "application/json") -> Any:
    """The message that a service got of a call."""
    method = "POST" if body else "GET"
    lines = [f"{method} {path} HTTP/1.1", "host: t", "authorization: Bearer t", f"content-type: {content_type}"]
    lines += [f"content-length: {len(body.encode())}", "", body]
    edge.services.calls.clear()
    edge.ask("\r\n".join(lines).encode())
    (call,) = edge.services.calls
    message = kind()
    message.ParseFromString(call[1])
    return MessageToDict(message, preserving_proto_field_name=True)


LINK = account_service_pb2.LinkAccountRequest
TOKEN = token_service_pb2.TokenRequest
DESCRIBE = account_service_pb2.DescribeOpenAccountRequest
BATCH = binding_service_pb2.BatchOperateAccountsRequest


@pytest.mark.parametrize("query", ["user_id=other", "userId=other&type=x", "user_id=other&user_id=more", "%75ser_id=o"])
def test_a_query_never_overrules_a_body(edge: Edge, query: str) -> None:
    body = {"user_id": "mine", "identity": "i"}
    assert received(edge, LINK, f"/v2/account/link?{query}", json.dumps(body)) == body
    assert received(edge, LINK, f"/v2/account/link?{query}", "{}") == {}


def test_nor_on_the_other_surfaces(edge: Edge) -> None:
    sent = {"grant_type": "refresh_token", "client_id": "mine"}
    path = "/v2/oauth/token?client_id=other&client_secret=s"
    assert received(edge, TOKEN, path, urlencode(sent), FORM) == sent
    assert received(edge, TOKEN, path, json.dumps(sent)) == sent
    batch = {"operator_type": 4, "token_list": ["t"]}
    path = "/v3/device/account/batchoperate?operator_type=5&token_list=u"
    assert received(edge, BATCH, path, json.dumps(batch)) == batch


def test_a_query_never_overrules_a_path(edge: Edge) -> None:
    path = "/d/mine/.well-known/jwks.json"
    for query in ("", "?domain_id=other", "?domainId=other"):
        assert received(edge, token_service_pb2.GetJwksRequest, path + query) == {"domain_id": "mine"}
    assert received(edge, token_service_pb2.GetJwksRequest, "/.well-known/jwks.json?domain_id=other") == {}


def test_unknown_fields_and_parameters_are_ignored(edge: Edge) -> None:
    known = {"user_id": "mine"}
    unknown: dict[str, Any] = {"x": [{"y": None}], "user_id.x": "z", "@type": "t", "UserId": "other"}
    assert received(edge, LINK, "/v2/account/link?x=1&y", json.dumps(unknown | known)) == known
    form = urlencode({"client_id": "c", "x": "y", "client_id[]": "d", "user.id": "e"})
    assert received(edge, TOKEN, "/v2/oauth/token?x=1", form, FORM) == {"client_id": "c"}
    assert received(edge, TOKEN, "/v2/oauth/token", "client_id=c&clientId=d&clientSecret=e", FORM) == {"client_id": "c"}
    path = "/?Action=DescribeOpenAccount&Format=JSON&IdentityId=i&X=1&identity_id=other&Identity.Id=other"
    assert received(edge, DESCRIBE, path) == {"identity_id": "i"}


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize(
    "encode", [urlencode, lambda pairs: urlencode(pairs, quote_via=quote)], ids=["plus", "percent"]
)
def test_forms_keep_every_text(edge: Edge, text: str, encode: Any) -> None:
    sent = {"client_id": text, "client_secret": "s"}
    expected = {name: value for name, value in sent.items() if value}
    assert received(edge, TOKEN, "/v2/oauth/token", encode(sent), FORM) == expected
    for content_type in (f"{FORM}; charset=utf-8", FORM.upper()):
        assert received(edge, TOKEN, "/v2/oauth/token", encode(sent), content_type) == expected
    act = "Action=DescribeOpenAccount&Format=JSON&"
    expected = {"identity_id": text} if text else {}
    assert received(edge, DESCRIBE, "/", act + encode({"IdentityId": text}), FORM) == expected
    assert received(edge, DESCRIBE, "/?" + act + encode({"IdentityId": text})) == expected


def test_json_keeps_every_text(edge: Edge) -> None:
    for text in TEXTS[1:]:
        for ascii_only in (True, False):
            body = json.dumps({"user_id": text}, ensure_ascii=ascii_only)
            assert received(edge, LINK, "/v2/account/link", body) == {"user_id": text}


@pytest.mark.parametrize(
    ("path", "body", "content_type"),
    [
        ("/v2/oauth/token", "client_id=a&client_id=b", FORM),
        ("/v2/oauth/token", "client_id=a&client_id=a", FORM),
        ("/v2/oauth/token", "client_id=a&client%5Fid=b", FORM),
        ("/?Action=DescribeOpenAccount&IdentityId=a", "IdentityId=b", FORM),
        ("/?Action=DescribeOpenAccount&IdentityId=a", "Action=DescribeOpenAccount", FORM),
        ("/?Action=DescribeOpenAccount&IdentityId=a&%49dentityId=b", "", FORM),
    ],
)
def test_what_stands_twice_is_refused(edge: Edge, path: str, body: str, content_type: str) -> None:
    lines = [f"POST {path} HTTP/1.1", "host: t", "authorization: Bearer t", f"content-type: {content_type}"]
    lines += [f"content-length: {len(body)}", "", body]
    assert edge.ask("\r\n".join(lines).encode()).status == 400
    assert not edge.services.calls


def test_two_spellings_of_a_field_are_one(edge: Edge) -> None:
    """Names in JSON are proto's or their camel case; where both stand, or one twice, the last counts, for everybody."""
    for body in ('{"user_id":"a","user_id":"b"}', '{"user_id":"a","userId":"b"}', '{"userId":"a","user_id":"b"}'):
        assert received(edge, LINK, "/v2/account/link", body) == {"user_id": "b"}


def test_headers_of_the_inside_do_not_come_in(edge: Edge) -> None:
    """What a service is told by them is Envoy's word."""
    lines = ["POST /v2/account/link HTTP/1.1", "host: t", "authorization: Bearer t", "content-length: 2"]
    lines += [f"{name}: forged" for name in ("x-tessera-edge-token", "x-tessera-host", "grpc-timeout", "x-request-id")]
    edge.ask("\r\n".join([*lines, "", "{}"]).encode())
    (headers,) = edge.services.headers
    assert "forged" not in headers.values()
    assert headers["x-tessera-host"] == "t"
    assert "x-tessera-edge-token" not in headers


def test_of_tokens_word_on_a_request_one_header_counts(edge: Edge) -> None:
    headers = [
        external_auth_pb2.HeaderValueOption(header=external_auth_pb2.HeaderValue(key=name, value="by token"))
        for name in ("x-tessera-edge-token", "x-tessera-peer", "x-other", ":path")
    ]
    edge.services.checked = external_auth_pb2.CheckResponse(
        status=status_pb2.Status(code=code_pb2.OK), ok_response=external_auth_pb2.OkHttpResponse(headers=headers)
    )
    edge.ask(b"POST /v2/account/link HTTP/1.1\r\nhost: t\r\nauthorization: acs k:s\r\ncontent-length: 2\r\n\r\n{}")
    assert [path for path, _ in edge.services.calls][1:] == ["/tessera.account.v1.AccountService/LinkAccount"]
    believed = [name for name, value in edge.services.headers[-1].items() if value == "by token"]
    assert believed == ["x-tessera-edge-token"]


def test_a_header_that_grpc_takes_for_base64_gives_up_no_call(edge: Edge) -> None:
    assert received(edge, LINK, "/v2/account/link", "{}", "application/json\r\nx-bin: %%%") == {}


def frame(kind: int, flags: int, payload: bytes) -> bytes:
    """A frame of HTTP/2, of the first stream if it is of any (RFC 9113 section 4.1)."""
    stream = 0 if kind == SETTINGS else 1
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def fields(**values: str) -> bytes:
    """Short fields as they stand (RFC 7541 section 6.2.2)."""
    texts = [text for name, value in values.items() for text in (name.replace("_", "-"), value)]
    pieces = [bytes((len(text),)) + text.encode() for text in texts]
    return b"".join(b"\0" + name + value for name, value in zip(pieces[::2], pieces[1::2], strict=True))


DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 1, 4


def test_nor_does_one_behind_the_body(edge: Edge) -> None:
    edge.services.said = Empty()
    head = {":method": "POST", ":scheme": "http", ":authority": "t", ":path": "/v2/account/link"}
    sent = (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        frame(SETTINGS, 0, b""),
        frame(HEADERS, END_HEADERS, fields(**head, authorization="Bearer t")),
        frame(DATA, 0, b"{}"),
        frame(HEADERS, END_HEADERS | END_STREAM, fields(x_bin="%%%")),
    )
    answer = b""
    with socket.create_connection((edge.address.host, edge.address.port), timeout=20) as connection:
        connection.sendall(b"".join(sent))
        while b"}" not in answer:
            answer += connection.recv(65_536)
    assert b'"access_token"' in answer
