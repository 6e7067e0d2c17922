"""Every refusal on every surface, over real Envoy: the surface's shape, status and content type, and an id.

Two gateways: one before services of this test's making, which hang, break off or say what they should not; and `alone`,
whose services are away.
"""

import json
import re
import socket
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
import httpx
import pytest
from defusedxml import ElementTree
from google.api.httpbody_pb2 import HttpBody
from google.protobuf.empty_pb2 import Empty
from google.protobuf.wrappers_pb2 import StringValue as TextAnswer
from google.rpc import code_pb2, status_pb2
from tessera.edge import external_auth_pb2

from gateway import reasons
from gateway.config import GatewaySettings
from gateway.render import image_path, read_image
from services.runtime.env import Address
from tests.support.gateways import Answer, Edge, exchange, read

WORDS = reasons.read(read_image(image_path(GatewaySettings(gateway_client_id="g", gateway_client_secret="s"))))
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
# Of Envoy, protobuf's parser, gRPC, Lua and Python; and of the texts that the services here say.
INNER = re.compile(
    r"envoy|protobuf|grpc|lua|upstream|traceback|inner|timeout|route|INVALID_ARGUMENT|unexpected|resolve|\^",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Surface:
    """How one surface is called, and how it says what is wrong.

    Args:
        path: of a good call, with its query.
        unknown: a path of the surface that is none.
        escaped: a path of the surface with an escaped slash; absent: there is no such path.
        kind: content type of a body.
        malformed: a body that is not well-formed.
        mistyped: one that is, and has something else than belongs there.
        limit: how many bytes a body may have.
        answers: content type of an answer.
    """

    path: str
    unknown: str
    escaped: str | None
    kind: str
    malformed: str
    mistyped: str
    answers: str = JSON
    limit: int = 65_536

    def request(self, body: str = "", *headers: str, path: str = "", method: str = "POST") -> bytes:
        """A whole call."""
        lines = [f"{method} {path or self.path} HTTP/1.1", "host: api.example.org", f"content-type: {self.kind}"]
        lines += [f"content-length: {len(body)}", *headers, "", body]
        return "\r\n".join(lines).encode()

    def bearing(self, body: str = "", *headers: str, path: str = "", method: str = "POST") -> bytes:
        """A whole call with what looks like an access token."""
        return self.request(body, "authorization: Bearer t", *headers, path=path, method=method)


def rpc(form: str, answers: str) -> Surface:
    return Surface(
        f"/?Action=DescribeOpenAccount&Format={form}&IdentityId=i",
        f"/?Action=Nothing&Format={form}",
        None,
        FORM,
        "OpenId=%zz",
        "IdentityId=another",
        answers,
    )


SURFACES = {
    "oauth": Surface(
        "/v2/oauth/token", "/v2/oauth/nothing", "/v2/oauth/a%2Ftoken", JSON, '{"grant_type":', '{"grant_type":{"a":1}}'
    ),
    "pds": Surface(
        "/v2/account/link", "/v2/account/nothing", "/v2/account%2flink", JSON, '{"user_id":', '{"user_id":["a"]}'
    ),
    "rpc-json": rpc("JSON", "application/json;charset=utf-8"),
    "rpc-xml": rpc("XML", "text/xml;charset=utf-8"),
    "tpns": Surface(
        "/v3/device/account/batchoperate",
        "/v3/device/nothing",
        "/v3/device%5Caccount/query",
        JSON,
        '{"operator_type":',
        '{"operator_type":"two"}',
        limit=1_048_576,
    ),
}

every_surface = pytest.mark.parametrize("surface", SURFACES)
# On the token endpoint the service reads the credential itself.
signed_surfaces = pytest.mark.parametrize("surface", [name for name in SURFACES if name != "oauth"])


def is_refusal(answer: Answer, surface: str, status: int, reason: str) -> None:
    """What every refusal of a surface is like."""
    words, name = WORDS[reason], surface.partition("-")[0]
    assert answer.status == (200 if name == "tpns" else status), answer
    assert answer.headers["content-type"] == SURFACES[surface].answers
    assert answer.headers["cache-control"] == "no-store"
    request_id = answer.headers["x-ca-request-id"]
    assert re.fullmatch(r"[\da-f-]{36}", request_id)
    assert answer.headers["x-request-id"] == request_id
    assert not [header for header in answer.headers if header.startswith(("grpc-", "x-envoy-", "x-tessera-"))]
    if surface == "rpc-xml":
        root = ElementTree.fromstring(answer.text)
        assert root.tag == "Error"
        body = {element.tag: element.text for element in root}
    else:
        body = json.loads(answer.body)
    message = body.get("message") or body.get("Message") or body.get("err_msg")
    assert message
    assert not INNER.search(message), message
    expected = {
        "oauth": {"error": words.oauth, "error_description": message, "code": words.pds, "message": message},
        "pds": {"code": words.pds, "message": message},
        "rpc": {
            "RequestId": body.get("RequestId"),
            "HostId": body.get("HostId"),
            "Code": words.rpc,
            "Message": message,
        },
        "tpns": {"ret_code": words.tpns, "err_msg": message, "result": []},
    }
    assert body == expected[name]
    assert name != "rpc" or body["RequestId"].lower() == request_id


Late = Mapping[tuple[str, str], Answer]


@pytest.fixture(scope="module")
def late(running: Edge) -> Late:
    """What is answered where something does not come, by surface and what it is: all at once, for each has to wait."""
    running.reset()
    running.services.mode = "hang"
    asked = {}
    for name, there in SURFACES.items():
        asked[name, "body"] = there.bearing("{}").removesuffix(b"}")
        asked[name, "answer"] = there.bearing()
        if name != "oauth":
            asked[name, "verifier"] = there.request("", "authorization: acs k:s")
    with ThreadPoolExecutor(len(asked)) as pool:
        return dict(zip(asked, pool.map(running.ask, asked.values()), strict=True))


# ---- what the caller got wrong ----


@every_surface
def test_what_is_not_well_formed(edge: Edge, surface: str) -> None:
    is_refusal(edge.ask(SURFACES[surface].bearing(SURFACES[surface].malformed)), surface, 400, "REQUEST_MALFORMED")
    assert not edge.services.calls


@every_surface
def test_a_wrong_type_or_a_parameter_twice(edge: Edge, surface: str) -> None:
    is_refusal(edge.ask(SURFACES[surface].bearing(SURFACES[surface].mistyped)), surface, 400, "REQUEST_MALFORMED")
    assert not edge.services.calls


@every_surface
def test_an_unknown_path(edge: Edge, surface: str) -> None:
    there = SURFACES[surface]
    is_refusal(edge.ask(there.bearing(path=there.unknown)), surface, 404, "ROUTE_NOT_FOUND")


@every_surface
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PROPFIND"])
def test_a_wrong_method(edge: Edge, surface: str, method: str) -> None:
    is_refusal(edge.ask(SURFACES[surface].bearing(method=method)), surface, 404, "ROUTE_NOT_FOUND")


@every_surface
def test_a_body_that_does_not_come(late: Late, surface: str) -> None:
    is_refusal(late[surface, "body"], surface, 408, "REQUEST_MALFORMED")


@every_surface
@pytest.mark.parametrize("framing", ["content-length", "chunked"])
def test_too_large_a_body(edge: Edge, surface: str, framing: str) -> None:
    there = SURFACES[surface]
    size = there.limit + 1
    if framing == "chunked":
        head = there.bearing(path=there.path).replace(b"content-length: 0", b"transfer-encoding: chunked")
        request = head + b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n"
    else:
        request = there.bearing("x" * size)
    is_refusal(edge.ask(request), surface, 413, "REQUEST_TOO_LARGE")


@every_surface
@pytest.mark.parametrize("coding", ["gzip", "br", "pigeon"])
def test_a_coded_body(edge: Edge, surface: str, coding: str) -> None:
    """Nothing here would undo it; what a verifier looked at must be what a service reads."""
    is_refusal(
        edge.ask(SURFACES[surface].bearing("", f"content-encoding: {coding}")), surface, 415, "REQUEST_MALFORMED"
    )
    assert not edge.services.calls


@pytest.mark.parametrize("surface", [name for name, surface in SURFACES.items() if surface.escaped])
def test_an_escaped_slash(edge: Edge, surface: str) -> None:
    there = SURFACES[surface]
    is_refusal(edge.ask(there.bearing(path=there.escaped or "")), surface, 400, "REQUEST_MALFORMED")


@every_surface
def test_no_host(edge: Edge, surface: str) -> None:
    request = SURFACES[surface].request().replace(b"host: api.example.org\r\n", b"")
    is_refusal(edge.ask(request), surface, 400, "REQUEST_MALFORMED")


@every_surface
def test_two_hosts(edge: Edge, surface: str) -> None:
    request = SURFACES[surface].bearing("", "host: other.example.org")
    is_refusal(edge.ask(request), surface, 400, "REQUEST_MALFORMED")
    assert not edge.services.calls


@every_surface
@pytest.mark.parametrize(
    "headers",
    ["x: " + "a" * 40_000, "\r\n".join(f"x-{number}: 1" for number in range(80))],
    ids=["bytes", "fields"],
)
def test_too_large_a_head(edge: Edge, surface: str, headers: str) -> None:
    is_refusal(edge.ask(SURFACES[surface].request("", headers)), surface, 431, "REQUEST_TOO_LARGE")
    assert not edge.services.calls


@every_surface
def test_too_long_a_path(edge: Edge, surface: str) -> None:
    there = SURFACES[surface]
    query = ("&" if "?" in there.path else "?") + 60_000 * '"'
    is_refusal(edge.ask(there.request(path=there.path + query)), surface, 431, "REQUEST_TOO_LARGE")
    if there.escaped:
        is_refusal(edge.ask(there.request(path=there.escaped + query)), surface, 400, "REQUEST_MALFORMED")


@every_surface
@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ("x: " + "a" * 120_000, 431, "REQUEST_TOO_LARGE"),
        ("no header", 400, "REQUEST_MALFORMED"),
        ("content-length: 7", 400, "REQUEST_MALFORMED"),
        ("transfer-encoding: chunked", 400, "REQUEST_MALFORMED"),
        ("content-length: -1", 400, "REQUEST_MALFORMED"),
    ],
    ids=["431", "no-colon", "two-lengths", "length-and-chunks", "negative-length"],
)
def test_what_envoy_refuses_before_it_knows_the_path(
    edge: Edge, surface: str, headers: str, status: int, reason: str
) -> None:
    """Its reader of HTTP gives up: the answer is in the words of /v2, whose keys are the commonest."""
    is_refusal(edge.ask(SURFACES[surface].request("", headers)), "pds", status, reason)


@every_surface
def test_a_framing_that_nobody_knows(edge: Edge, surface: str) -> None:
    request = SURFACES[surface].request().replace(b"content-length: 0", b"transfer-encoding: pigeon")
    is_refusal(edge.ask(request), "pds", 501, "INTERNAL")


@every_surface
def test_native_grpc(edge: Edge, surface: str) -> None:
    answer = edge.ask(SURFACES[surface].bearing().replace(SURFACES[surface].kind.encode(), b"application/grpc+proto"))
    assert (answer.status, answer.headers["grpc-status"]) == (200, "12")
    assert "grpc-message" not in answer.headers
    assert not answer.body


@pytest.mark.parametrize(
    "asked",
    [
        SURFACES["pds"].request("", "x: " + "a" * 40_000),
        SURFACES["pds"].request("x" * (SURFACES["pds"].limit + 1)),
        SURFACES["pds"].request(path="/v2/account%2flink"),
        SURFACES["pds"].request("", "upgrade: websocket", "connection: upgrade"),
        SURFACES["pds"].request(path="/ready", method="GET"),
    ],
    ids=["head", "body", "path", "protocol", "ready"],
)
def test_native_grpc_that_is_refused_otherwise(edge: Edge, asked: bytes) -> None:
    answer = edge.ask(asked.replace(JSON.encode(), b"application/grpc"))
    assert (answer.status, answer.headers["grpc-status"]) == (200, "12")
    assert not [name for name in answer.headers if name == "grpc-message" or name.startswith("x-envoy-")]
    assert not answer.body


@every_surface
def test_another_protocol(edge: Edge, surface: str) -> None:
    upgrade = SURFACES[surface].bearing("", "upgrade: websocket", "connection: upgrade")
    is_refusal(edge.ask(upgrade), surface, 403, "PERMISSION_DENIED")


def test_a_tunnel(edge: Edge) -> None:
    """It has no path, and thus no surface. What is sent behind is nothing that could be answered."""
    host = b"api.example.org:443"
    connect = b"CONNECT %s HTTP/1.1\r\nhost: %s\r\n\r\n" % (host, host)
    with socket.create_connection((edge.address.host, edge.address.port), timeout=5) as connection:
        connection.sendall(connect + SURFACES["pds"].bearing())
        is_refusal(read(connection), "pds", 403, "PERMISSION_DENIED")
        assert connection.recv(1) == b""
    assert not edge.services.calls


# ---- what went wrong behind ----


@every_surface
def test_a_service_that_gives_no_answer(late: Late, surface: str) -> None:
    is_refusal(late[surface, "answer"], surface, 504, "DEADLINE_EXCEEDED")


@every_surface
def test_a_service_that_breaks_off(edge: Edge, surface: str) -> None:
    edge.services.mode = "cut"
    is_refusal(edge.ask(SURFACES[surface].bearing()), surface, 503, "UNAVAILABLE")


@every_surface
@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("UNKNOWN", 500, "INTERNAL"),
        ("INTERNAL", 500, "INTERNAL"),
        ("DATA_LOSS", 500, "INTERNAL"),
        ("UNAVAILABLE", 503, "UNAVAILABLE"),
        ("RESOURCE_EXHAUSTED", 429, "OVERLOADED"),
        ("INVALID_ARGUMENT", 400, "REQUEST_MALFORMED"),
        ("PERMISSION_DENIED", 403, "PERMISSION_DENIED"),
        ("CANCELLED", 503, "UNAVAILABLE"),
    ],
)
def test_a_status_that_nobody_chose_for_callers(edge: Edge, surface: str, code: str, status: int, reason: str) -> None:
    edge.services.said = grpc.StatusCode[code], "inner text of /usr/lib, select * from"
    answer = edge.ask(SURFACES[surface].bearing())
    is_refusal(answer, surface, status, reason)
    assert answer.headers.get("retry-after") == ("1" if status == 429 else None)


@every_surface
def test_too_large_an_answer(edge: Edge, surface: str) -> None:
    """Envoy passes every filter by with what it says of that."""
    large = "x" * 6_000_000
    edge.services.said = HttpBody(data=large.encode()) if surface == "rpc-xml" else TextAnswer(value=large)
    is_refusal(edge.ask(SURFACES[surface].bearing()), surface, 500, "INTERNAL")


def test_an_answer_that_is_none(edge: Edge) -> None:
    edge.services.said = HttpBody(data=b"<x/>")
    is_refusal(edge.ask(SURFACES["rpc-json"].bearing()), "rpc-json", 500, "INTERNAL")


@every_surface
def test_services_that_are_away(alone: httpx.Client, surface: str) -> None:
    is_refusal(exchange(listening(alone), SURFACES[surface].bearing()), surface, 503, "UNAVAILABLE")


# ---- credentials ----


@signed_surfaces
@pytest.mark.parametrize("credential", ["", "authorization: Basic eDp5", "authorization: acs k:s", "sign: s"])
def test_a_bad_credential(edge: Edge, surface: str, credential: str) -> None:
    """Refused as the token service does it."""
    edge.services.checked = external_auth_pb2.CheckResponse(
        status=status_pb2.Status(code=code_pb2.UNAUTHENTICATED),
        denied_response=external_auth_pb2.DeniedHttpResponse(
            status=external_auth_pb2.HttpStatus(code=401),
            body='{"message":"Who?","details":[{"reason":"UNAUTHENTICATED","domain":"tessera"}]}',
        ),
    )
    request = SURFACES[surface].request("", *[credential] * bool(credential))
    is_refusal(edge.ask(request), surface, 401, "UNAUTHENTICATED")
    assert {path for path, _ in edge.services.calls} == {"/envoy.service.auth.v3.Authorization/Check"}


@signed_surfaces
def test_a_verifier_sees_a_body_as_large_as_may_be(edge: Edge, surface: str) -> None:
    there = SURFACES[surface]
    edge.ask(there.request("x" * there.limit, "authorization: acs k:s"))
    ((path, request),) = edge.services.calls
    assert path == "/envoy.service.auth.v3.Authorization/Check"
    assert len(external_auth_pb2.CheckRequest.FromString(request).attributes.request.http.raw_body) == there.limit


@signed_surfaces
def test_a_verifier_that_gives_no_answer(late: Late, surface: str) -> None:
    is_refusal(late[surface, "verifier"], surface, 503, "UNAVAILABLE")


@signed_surfaces
@pytest.mark.parametrize("mode", ["cut", "say"])
def test_a_verifier_that_is_not_there(edge: Edge, surface: str, mode: str) -> None:
    edge.services.mode = mode
    is_refusal(edge.ask(SURFACES[surface].request("", "authorization: acs k:s")), surface, 503, "UNAVAILABLE")


@signed_surfaces
def test_a_verifier_that_is_away(alone: httpx.Client, surface: str) -> None:
    request = SURFACES[surface].request("", "authorization: acs k:s")
    is_refusal(exchange(listening(alone), request), surface, 503, "UNAVAILABLE")


def listening(client: httpx.Client) -> Address:
    assert client.base_url.port
    return Address(client.base_url.host, client.base_url.port)


# ---- all in all ----


def test_no_filter_failed(edge: Edge) -> None:
    """A Lua error lets a message pass as it is, and stands in the log."""
    log = (edge.folder / "envoy.log").read_text()
    assert "starting main dispatch loop" in log
    assert "script log" not in log


# ---- HTTP/2 ----


@every_surface
@pytest.mark.parametrize("code", ["OK", "INTERNAL"])
def test_no_word_of_grpc_in_http2(edge: Edge, surface: str, code: str) -> None:
    """There a status of gRPC's may come behind the body, in trailers."""
    there = SURFACES[surface]
    good = HttpBody(data=b"<x/>") if surface == "rpc-xml" else Empty()
    edge.services.said = good if code == "OK" else (grpc.StatusCode[code], "inner text")
    url = f"http://{edge.address}{there.path}"
    command = ["curl", "--silent", "--show-error", "--http2-prior-knowledge", "--dump-header", "-", "--globoff", url]
    command += ["--data", "", "--header", f"content-type: {there.kind}", "--header", "authorization: Bearer t"]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    assert said.startswith("HTTP/2 200" if code == "OK" or surface == "tpns" else "HTTP/2 500")
    assert "grpc" not in said.lower()
    assert "inner text" not in said
