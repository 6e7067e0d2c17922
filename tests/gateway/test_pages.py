"""What the gateway adds to pages of logon, keeps from them, and shows where account shows nothing."""

import base64
import hashlib

import grpc
import httpx
import pytest
from google.api import httpbody_pb2

from tests.gateway.writing import Written
from tests.support.gateways import Answer, Edge

GUARDS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
PAGE = httpbody_pb2.HttpBody(content_type="text/html; charset=utf-8", data=b"<!doctype html><p>page</p>")
TARGETS = ["/logon/x", "/logon/x/code?a=b", "/v2/oauth/authorize", "/v2/oauth/authorize?client_id=<script>"]


def guarded(headers: dict[str, str] | httpx.Headers) -> None:
    assert {name: headers.get(name) for name in GUARDS} == GUARDS
    assert headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
    assert not [name for name in headers if name.startswith(("x-tessera-", "grpc-", "x-envoy-"))]


@pytest.mark.parametrize("target", TARGETS)
def test_a_service_that_is_down_is_a_page(alone: httpx.Client, target: str) -> None:
    answer = alone.get(target)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")
    assert "<h1>Something went wrong</h1>" in answer.text
    assert '<span lang="zh-Hans">操作未成功，' in answer.text
    assert "<script" not in answer.text
    assert "www-authenticate" not in answer.headers
    guarded(answer.headers)
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert style
    assert answer.headers["content-security-policy"].endswith(f"; style-src 'sha256-{digest}'")
    posted = alone.post(target, data={"csrf": "x"})
    assert (posted.status_code, posted.headers["content-type"]) == (503, "text/html; charset=utf-8")
    guarded(posted.headers)


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", "/logon/x"),
        ("DELETE", "/logon/x"),
        ("PATCH", "/logon/x"),
        ("OPTIONS", "/logon/x"),
        ("TRACE", "/logon/x"),
        ("PROPFIND", "/logon/x"),
        ("PUT", "/v2/oauth/authorize"),
        ("GET", "/logon/"),
    ],
)
def test_another_method_is_answered_by_the_gateway(alone: httpx.Client, method: str, target: str) -> None:
    answer = alone.request(method, target)
    assert answer.status_code in (404, 405)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    guarded(answer.headers)


@pytest.mark.parametrize(
    "target",
    ["/logon/a%2fb", "/logon/a%5cb", "/logon/%00", "/logon/../logon/x", "/logon/./x", "/logon//x", "/logon/x%"],
)
def test_odd_paths(alone: httpx.Client, target: str) -> None:
    answer = alone.get(
        httpx.URL(scheme="http", host=alone.base_url.host, port=alone.base_url.port, raw_path=target.encode())
    )
    assert answer.status_code in (400, 404, 503)
    assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_said_inside_is_not_said_from_outside(written: Written, http: httpx.Client, method: str) -> None:
    forged = {
        "x-tessera-target": "/logon/inbox",
        "x-tessera-peer": "127.0.0.1",
        "x-tessera-host": "evil.example.com",
        "x-tessera-status": "200",
        "X-Tessera-Target": "/logon/inbox",
        "x-forwarded-for": "127.0.0.1",
        "x-forwarded-proto": "https",
        "x-forwarded-host": "evil.example.com",
        "x-envoy-original-path": "/logon/inbox",
        "x-original-url": "/logon/inbox",
        "forwarded": "for=127.0.0.1;host=evil.example.com;proto=https",
        "x-http-method-override": "POST",
        "grpc-timeout": "1n",
        "host": "id.example.com",
    }
    http.request(method, "/logon/x/y?a=b&a=c;d#e", headers=forged, content=b"a=b" if method == "POST" else None)
    ((called, metadata, _),) = written.called
    assert called == f"/tessera.account.v1.LogonService/{'GetPage' if method == 'GET' else 'PostPage'}"
    assert metadata["x-tessera-target"] == "/logon/x/y?a=b&a=c;d"
    assert metadata["x-tessera-host"] == "id.example.com"
    assert metadata["x-tessera-peer"] == "127.0.0.1"
    assert metadata["x-forwarded-proto"] == "http"
    assert "x-tessera-status" not in metadata


def test_a_form_and_cookies_arrive_as_they_were(written: Written, http: httpx.Client) -> None:
    body = b"csrf=%00%ff&name=a+b%26&name=c"
    http.post(
        "/logon/x/y",
        content=body,
        headers=[
            ("content-type", "application/x-www-form-urlencoded"),
            ("cookie", "a=1; b=2"),
            ("sec-fetch-site", "cross-site"),
        ],
    )
    ((_, metadata, request),) = written.called
    message = httpbody_pb2.HttpBody.FromString(request)
    assert (message.content_type, message.data) == ("application/x-www-form-urlencoded", body)
    assert metadata["cookie"] == "a=1; b=2"
    assert metadata["sec-fetch-site"] == "cross-site"


def test_native_grpc_does_not_reach_the_pages(written: Written, http: httpx.Client) -> None:
    for method in ("GetPage", "PostPage"):
        answer = http.post(
            f"/tessera.account.v1.LogonService/{method}",
            content=b"\0\0\0\0\0",
            headers={"content-type": "application/grpc", "te": "trailers", "x-tessera-target": "/logon/inbox"},
        )
        assert answer.headers["grpc-status"] == "12"
    assert not written.called


def ask(edge: Edge, target: str = "/logon/x", method: str = "GET", *headers: str) -> Answer:
    return edge.ask(
        "\r\n".join([f"{method} {target} HTTP/1.1", "host: t", *headers, "connection: close", "", ""]).encode()
    )


@pytest.mark.parametrize(
    ("said", "status"),
    [(each, int(each)) for each in ("200", "303", "400", "403", "404", "405", "429", "503")]
    + [
        (each, 500)
        for each in ("", "100", "101", "204", "301", "302", "307", "308", "401", "500", "999", "0", "2e2", "-1")
    ],
)
def test_a_page_has_a_status_that_pages_have(edge: Edge, said: str, status: int) -> None:
    edge.services.said = PAGE
    edge.services.told = (("x-tessera-status", said), ("set-cookie", "a=1"), ("set-cookie", "b=2")) if said else ()
    answer = ask(edge)
    assert answer.status == status
    assert answer.headers["x-frame-options"] == "DENY"
    assert "x-tessera-status" not in answer.headers


def test_a_status_is_a_pages_alone(edge: Edge) -> None:
    edge.services.said = httpbody_pb2.HttpBody()
    edge.services.told = (("x-tessera-status", "303"), ("location", "https://evil.example.com"))
    answer = edge.ask(b"GET /d/bj1/.well-known/jwks.json HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n")
    assert answer.status != 303


@pytest.mark.parametrize(
    "code",
    [
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
    ],
)
def test_what_account_refuses_is_a_page_without_what_it_said(edge: Edge, code: grpc.StatusCode) -> None:
    edge.services.said = code, "<script>alert(1)</script> secret"
    answer = ask(edge)
    assert answer.status >= 400
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "secret" not in answer.text
    assert "<script" not in answer.text
    assert "www-authenticate" not in answer.headers
    guarded(answer.headers)


@pytest.mark.parametrize("mode", ["cut", "hang"])
def test_a_service_that_goes_away_is_a_page(edge: Edge, mode: str) -> None:
    edge.services.mode = mode
    answer = ask(edge)
    assert answer.status in (503, 504)
    assert answer.text.startswith("<!doctype html>")
    guarded(answer.headers)
    # Never made twice: a code that came with a browser is good once.
    assert len(edge.services.calls) == 1


def test_a_form_that_is_too_large_and_one_in_a_coding(edge: Edge) -> None:
    edge.services.said = PAGE
    large = edge.ask(
        b"POST /logon/x HTTP/1.1\r\nhost: t\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        b"content-length: 3000000\r\nconnection: close\r\n\r\n",
        b"x" * 3_000_000,
    )
    coded = ask(edge, "/logon/x", "POST", "content-encoding: gzip", "content-length: 0")
    assert (large.status, coded.status) == (413, 415)
    for answer in (large, coded):
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        guarded(answer.headers)
    assert not edge.services.calls


def test_more_cookies_than_are_taken(edge: Edge) -> None:
    edge.services.said = PAGE
    answer = ask(edge, "/logon/x", "GET", "cookie: " + "; ".join(f"c{number}={'x' * 900}" for number in range(60)))
    assert answer.status == 431
    assert not edge.services.calls
