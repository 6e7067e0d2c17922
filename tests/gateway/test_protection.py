"""What keeps one caller, or a crowd of them, from taking the gateway away from the others."""

import json
import re
import select
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import grpc
import pytest
from defusedxml import ElementTree
from tessera.binding.v1 import binding_service_pb2

from services.runtime.env import Address
from tests.support.gateways import Answer, Edge, exchange, running_edge, running_gateway, settings

RATE = 5
QUERY = "/v3/device/account/query"


def get(path: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "host: t", *headers, "", ""]).encode()


def post(path: str, body: str = "{}", *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: t", "authorization: Bearer t", "content-type: application/json"]
    return "\r\n".join([*lines, *headers, f"content-length: {len(body)}", "", body]).encode()


class RateLimits(grpc.GenericRpcHandler):
    """A rate limit service that says what it is told to say (envoy.service.ratelimit.v3)."""

    OK, OVER_LIMIT = b"\x08\x01", b"\x08\x02"

    def __init__(self) -> None:
        self.says: bytes | None = self.OK
        self.asked: list[bytes] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        assert handler_call_details.method == "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            self.asked.append(request)
            if self.says is None:
                context.abort(grpc.StatusCode.UNAVAILABLE, "")
            return self.says

        return grpc.unary_unary_rpc_method_handler(answer)

    @contextmanager
    def running(self) -> Iterator[Address]:
        server = grpc.server(ThreadPoolExecutor(2), handlers=(self,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield Address("127.0.0.1", port)
        server.stop(0).wait()


@pytest.fixture(scope="module")
def counting() -> Iterator[tuple[RateLimits, Address]]:
    limits = RateLimits()
    with limits.running() as address:
        yield limits, address


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, counting: tuple[RateLimits, Address]) -> Iterator[Edge]:
    """A gateway of which everything that can be limited is limited to little."""
    with running_edge(
        tmp_path_factory.mktemp("narrow"),
        gateway_address_rate=RATE,
        gateway_trusted_hops=1,
        gateway_rate_limit_address=counting[1],
        gateway_cors_origins=("https://app.example.com", "http://localhost:3000"),
        gateway_calls=2,
        gateway_connections=40,
        gateway_timeout=timedelta(seconds=3),
        gateway_request_timeout=timedelta(seconds=1),
    ) as edge:
        yield edge


def from_address(address: str) -> str:
    """As the proxy before the gateway says it."""
    return f"x-forwarded-for: {address}"


def crowd(edge: Edge, request: bytes) -> list[Answer]:
    """The answers to many more calls than may be made in a second."""
    return [edge.ask(request) for _ in range(4 * RATE)]


def test_an_address_has_its_limit_and_others_have_theirs(narrow: Edge) -> None:
    one, another = from_address("192.0.2.1"), from_address("192.0.2.2")
    refused = [answer for answer in crowd(narrow, get("/v2/nothing", one)) if answer.status == 429]
    assert refused
    for answer in refused:
        assert json.loads(answer.body) == {
            "code": "TooManyRequests",
            "message": "Too many requests. Try again later.",
        }
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["x-ca-request-id"] == answer.headers["x-request-id"]
        assert not [name for name in answer.headers if name.startswith(("x-ratelimit", "x-envoy"))]
    assert narrow.ask(get("/v2/nothing", another)).status == 404
    time.sleep(1.1)
    assert narrow.ask(get("/v2/nothing", one)).status == 404


def test_a_probe_is_never_too_many(narrow: Edge) -> None:
    request = get("/healthz", from_address("192.0.2.3"))
    assert {narrow.ask(request).status for _ in range(3 * RATE)} == {200}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v2/oauth/token", 429, "temporarily_unavailable"),
        ("/v2/account/link", 429, "TooManyRequests"),
        ("/?Action=DescribeOpenAccount&Format=JSON", 429, "Throttling"),
        ("/?Action=DescribeOpenAccount", 429, "Throttling"),
        (QUERY, 200, 1008028),
    ],
)
def test_a_limit_in_every_dialect(narrow: Edge, path: str, status: int, code: object) -> None:
    # A caller has a whole network of IPv6, and is one.
    networks = {"/v2/oauth/token": 1, "/v2/account/link": 2, QUERY: 3}
    addresses = [f"2001:db8:{networks.get(path, 4)}::{number:x}:1" for number in range(4 * RATE)]
    answers = [narrow.ask(post(path, "{}", from_address(address))) for address in addresses]
    answer = next(answer for answer in answers if b"Too many" in answer.body)
    assert answer.status == status
    if answer.body.startswith(b"<"):
        assert ElementTree.fromstring(answer.text).findtext("Code") == code
    else:
        body = json.loads(answer.body)
        assert (body.get("error") or body.get("code") or body.get("Code") or body.get("ret_code")) == code


def test_all_gateways_may_ask_one_service(narrow: Edge, counting: tuple[RateLimits, Address]) -> None:
    limits, _ = counting
    limits.asked.clear()
    request = post("/v2/account/link", "{}", from_address("198.51.100.7"))
    assert narrow.ask(request).status == 500
    (asked,) = limits.asked
    # In the domain `tessera`: the address, and the address on that surface.
    assert asked.startswith(b"\x0a\x07tessera")
    assert asked.count(b"\x0a\x16masked_remote_address\x12\x0f198.51.100.7/32".replace(b"\x16", b"\x15")) == 2
    assert b"\x0a\x07surface\x12\x03pds" in asked
    limits.says = limits.OVER_LIMIT
    try:
        answer = narrow.ask(request)
        assert (answer.status, json.loads(answer.body)["code"]) == (429, "TooManyRequests")
        assert answer.headers["retry-after"] == "1"
        assert not [name for name in answer.headers if name.startswith(("x-ratelimit", "x-envoy"))]
    finally:
        limits.says = limits.OK


def test_a_rate_limit_service_that_is_away_lets_pass(narrow: Edge, counting: tuple[RateLimits, Address]) -> None:
    limits, _ = counting
    limits.asked.clear()
    limits.says = None
    try:
        assert narrow.ask(post("/v2/account/link", "{}", from_address("198.51.100.8"))).status == 500
        assert limits.asked
    finally:
        limits.says = limits.OK


def test_too_many_calls_under_way_at_a_service(narrow: Edge) -> None:
    narrow.reset()
    narrow.services.mode = "hang"
    with ThreadPoolExecutor(6) as pool:
        requests = [post("/v2/account/send_sms_code", "{}", from_address(f"203.0.113.{each}")) for each in range(6)]
        answers = list(pool.map(narrow.ask, requests))
    narrow.reset()
    # Two wait until their time is over; the others are told at once.
    assert sorted(answer.status for answer in answers) == [503] * 4 + [504] * 2
    time.sleep(0.1)
    assert narrow.ask(post("/v2/account/send_sms_code", "{}", from_address("203.0.113.9"))).status == 500


def test_connections_beyond_the_limit_are_closed(narrow: Edge) -> None:
    address = narrow.address.host, narrow.address.port
    held = [socket.create_connection(address, timeout=10) for _ in range(60)]
    closed: list[socket.socket] = []
    deadline = time.monotonic() + 20
    while len(closed) < 20:
        assert time.monotonic() < deadline
        readable, _, _ = select.select([each for each in held if each not in closed], [], [], 1)
        # Nobody sends anything: what can be read is the end.
        closed += readable
    # The others are served. (One that a test before held may count still.)
    for connection in [each for each in held if each not in closed][:30]:
        connection.sendall(get("/healthz"))
        assert connection.recv(12) == b"HTTP/1.1 200"
    for connection in held:
        connection.close()


def test_a_head_that_does_not_come(narrow: Edge) -> None:
    """Who sends a header a second, for ever, has as long for the whole of it as for a request."""
    with socket.create_connection((narrow.address.host, narrow.address.port), timeout=15) as connection:
        connection.sendall(b"POST /v2/account/link HTTP/1.1\r\nhost: t\r\n")
        began = time.monotonic()
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")
        assert time.monotonic() - began < 9


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/./account/link", 500),
        ("/v2/x/../account/link", 500),
        ("/v2/%61ccount/link", 500),
        ("/v2/account/%6Cink", 500),
        ("/v2//account/link", 404),
        ("/v2/account/link/", 404),
        ("/v2/account/link;x", 404),
        ("/V2/account/link", 404),
        ("/v2/account%2Flink", 400),
        ("/v2/account%5Clink", 400),
        ("/v2/account\\link", 500),
        ("/v2/account/link%00", 400),
        ("/../v2/account/link", 500),
        ("v2/account/link", 400),
        ("http://t/v2/account/link", 500),
        ("http://t/tessera.token.v1.MintService/IssueToken", 404),
    ],
)
def test_a_path_has_one_spelling(edge: Edge, path: str, status: int) -> None:
    """500 is what the services of this test say: the call reached them, as that of the one spelling."""
    assert edge.ask(post(path)).status == status
    assert {called for called, _ in edge.services.calls} <= {"/tessera.account.v1.AccountService/LinkAccount"}


def test_calls_that_may_be_repeated_are_tried_again_and_no_others(edge: Edge) -> None:
    edge.services.said = grpc.StatusCode.UNAVAILABLE, ""
    for path, tries in (
        ("/v2/account/get_link_info", 3),
        ("/v3/device/account/query", 3),
        ("/v2/account/send_sms_code", 1),
        ("/v2/oauth/token", 1),
        ("/v2/user/create", 1),
    ):
        edge.services.calls.clear()
        edge.ask(post(path))
        assert len(edge.services.calls) == tries, path
    edge.services.said = grpc.StatusCode.INTERNAL, ""
    edge.services.calls.clear()
    edge.ask(post("/v2/account/get_link_info"))
    assert len(edge.services.calls) == 1


def test_a_large_answer_passes(edge: Edge) -> None:
    """The connection's own buffer is small, and the filters read this one whole."""
    edge.services.said = binding_service_pb2.QueryAccountsResponse(result=["x" * 10_000] * 400)
    answer = edge.ask(post(QUERY))
    assert answer.status == 200
    assert len(answer.body) > 3_000_000
    assert len(json.loads(answer.body)["result"]) == 400


# ---- HTTP/2 ----

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, GOAWAY = 1, 3, 4, 7
END_STREAM, END_HEADERS = 1, 4
# GET http / of "t", from HPACK's static table (RFC 7541 appendix A).
HEAD = b"\x82\x86\x84\x41\x01t"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def frames(connection: socket.socket) -> Iterator[tuple[int, int, bytes]]:
    """Kind, stream and payload of each frame, until the connection ends."""
    with connection.makefile("rb") as stream:
        while head := stream.read(9):
            yield head[3], struct.unpack(">I", head[5:])[0], stream.read(int.from_bytes(head[:3], "big"))


def test_calls_that_are_reset_at_once_end_the_connection(edge: Edge) -> None:
    """CVE-2023-44487."""
    with socket.create_connection((edge.address.host, edge.address.port), timeout=10) as connection:
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
        try:
            for stream in range(1, 4001, 2):
                opened = frame(HEADERS, END_STREAM | END_HEADERS, stream, HEAD)
                connection.sendall(opened + frame(RST_STREAM, 0, stream, struct.pack(">I", 8)))
            assert [kind for kind, _, _ in frames(connection)]
        except ConnectionError:
            pass
    assert edge.ask(get("/healthz")).status == 200


def test_a_connection_has_so_many_calls_at_once(edge: Edge) -> None:
    with socket.create_connection((edge.address.host, edge.address.port), timeout=10) as connection:
        connection.sendall(PREFACE + frame(SETTINGS, 0, 0))
        kind, _, payload = next(frames(connection))
        assert kind == SETTINGS
        said = dict(struct.iter_unpack(">HI", payload))
        assert said[3] == 128
        assert said[4] == 65536


# ---- memory ----


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/oauth/token", 503),
        ("/v2/account/link", 503),
        ("/?Action=DescribeOpenAccount&Format=JSON", 503),
        ("/?Action=DescribeOpenAccount&Format=XML", 503),
        (QUERY, 200),
        ("/healthz", 503),
    ],
)
def test_without_memory_calls_are_refused_in_every_dialect(full: Address, path: str, status: int) -> None:
    answer = exchange(full, post(path))
    assert answer.status == status
    assert (answer.headers["cache-control"], answer.headers["retry-after"]) == ("no-store", "1")
    assert b"envoy" not in answer.body
    if path.endswith("XML"):
        assert answer.headers["content-type"] == "text/xml;charset=utf-8"
        said = {element.tag: element.text for element in ElementTree.fromstring(answer.text)}
    else:
        assert answer.headers["content-type"].partition(";")[0] == "application/json"
        said = json.loads(answer.body)
    keys = {
        "/v2/oauth/token": {"error", "error_description", "code", "message"},
        QUERY: {"ret_code", "err_msg", "result"},
        "/v2/account/link": {"code", "message"},
        "/healthz": {"code", "message"},
    }
    assert set(said) == keys.get(path, {"RequestId", "HostId", "Code", "Message"})
    request_id = said.get("RequestId") or answer.headers["x-ca-request-id"]
    assert re.fullmatch(r"[\da-f-]{36}", request_id)
    assert (said.get("code") or said.get("Code") or said.get("ret_code")) in ("ServiceUnavailable", 1008004)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """A gateway that may have less memory than it has."""
    folder = tmp_path_factory.mktemp("full")
    nobody = Address("127.0.0.1", 1)
    with running_gateway(folder, settings(folder, nobody, gateway_heap_bytes=1_000_000)) as address:
        deadline = time.monotonic() + 20
        while exchange(address, get("/healthz")).status == 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield address


# ---- browsers ----


def test_pages_of_registered_origins_may_call(narrow: Edge) -> None:
    address = from_address("203.0.113.30")
    asked = ["access-control-request-method: POST", "access-control-request-headers: authorization"]
    for origin in ("https://app.example.com", "http://localhost:3000"):
        preflight = get("/v2/oauth/token", f"origin: {origin}", *asked, address).replace(b"GET", b"OPTIONS")
        answer = narrow.ask(preflight)
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-methods"] == "GET,POST"
        assert answer.headers["access-control-allow-headers"] == "authorization,content-type"
        assert "access-control-allow-credentials" not in answer.headers
        # Refusals, too, are for the page to read.
        answer = narrow.ask(post("/v2/oauth/token", "{", f"origin: {origin}", address))
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (400, origin)
        assert answer.headers["vary"] == "origin"
        assert answer.headers["access-control-expose-headers"] == "x-request-id,retry-after,www-authenticate"


@pytest.mark.parametrize(("origin", "method"), [("", "POST"), ("https://app.example.com", "")])
def test_a_preflight_that_asks_nothing_is_none(narrow: Edge, origin: str, method: str) -> None:
    headers = [f"origin: {origin}", f"access-control-request-method: {method}", from_address("203.0.113.40")]
    assert narrow.ask(get("/v2/oauth/token", *headers).replace(b"GET", b"OPTIONS")).status == 404


@pytest.mark.parametrize(
    "origin", ["https://app.example.com.evil.org", "http://app.example.com", "https://evil.org", "null"]
)
def test_pages_of_others_may_not(narrow: Edge, edge: Edge, origin: str) -> None:
    # Each from an address of its own.
    address = from_address(f"203.0.113.{31 + len(origin)}")
    asked = [f"origin: {origin}", "access-control-request-method: POST", address]
    answer = narrow.ask(get("/v2/oauth/token", *asked).replace(b"GET", b"OPTIONS"))
    assert "access-control-allow-origin" not in answer.headers
    answer = narrow.ask(post("/v2/oauth/token", "{", asked[0], asked[2]))
    assert "access-control-allow-origin" not in answer.headers
    # Where no origin is registered there are none at all.
    answer = edge.ask(get("/v2/oauth/token", *asked).replace(b"GET", b"OPTIONS"))
    assert (answer.status, json.loads(answer.body)["code"]) == (404, "NotFound")


# ---- the access log ----


def logged(edge: Edge, request_id: str) -> tuple[dict[str, Any], str]:
    """The line of a request, and the whole log."""
    log, deadline = edge.folder / "access.log", time.monotonic() + 30
    while request_id not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    text = log.read_text()
    return next(line for line in map(json.loads, text.splitlines()) if line["request_id"] == request_id), text


def test_what_no_filter_saw_is_logged_by_the_id_of_its_answer(edge: Edge) -> None:
    asked = [
        post("/v2/account%2flink"),
        post("/v2/account/link", "", "no header"),
        post("/v2/account/link", "x" * 70_000),
    ]
    for answer in [edge.ask(each) for each in asked]:
        entry, _ = logged(edge, answer.headers["x-request-id"])
        assert entry["status"] == answer.status >= 400


def test_the_access_log_holds_no_secret(edge: Edge) -> None:
    secrets = ["acs ak:c2VjcmV0", "secret-in-query", "secret-in-body", "secret-in-header", "secret-in-cookie"]
    headers = [f"x-acs-security-token: {secrets[3]}", f"cookie: a={secrets[4]}", f"referer: http://x/?{secrets[1]}"]
    edge.ask(post(f"/v2/account/link?access_token={secrets[1]}", json.dumps({"identity": secrets[2]}), *headers))
    edge.ask(get(f"/?Action=DescribeOpenAccount&Signature={secrets[1]}", f"authorization: {secrets[0]}"))
    request_id = edge.ask(get(f"/v2/nothing?{secrets[1]}", from_address("192.0.2.9"))).headers["x-request-id"]
    entry, text = logged(edge, request_id)
    assert (entry["method"], entry["path"], entry["status"], entry["surface"]) == ("GET", "/v2/nothing", 404, "pds")
    # Without a proxy that is known, nobody says where he calls from.
    assert entry["peer"] == "127.0.0.1"
    for secret in [*secrets, "only-the-gateway-knows", "c2VjcmV0"]:
        assert secret not in text
