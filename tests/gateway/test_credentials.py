"""What token is told of a request, and what of it reaches a service: Envoy, between a client and who writes it down."""

import socket

import httpx
import pytest
from tessera.edge import external_auth_pb2 as auth_pb2

from services.runtime.auth import EDGE_HEADER
from tests.gateway.writing import Written

LINK = "/v2/account/link"


def told(written: Written) -> auth_pb2.AttributeContext.HttpRequest:
    (request,) = written.asked
    return request.attributes.request.http


PDS = {
    "authorization": "acs key:signature",
    "date": "Sun, 22 Nov 2026 04:45:09 GMT",
    "accept": "application/json",
    "content-md5": "x",
    "content-type": "application/json; charset=utf-8",
    "user-agent": "AlibabaCloud (Linux; x86_64)",
    "x-acs-action": "LinkAccount",
    "x-acs-signature-nonce": "n",
    "x-acs-security-token": "t",
    "x-acs-bearer-token": "t",
}


def test_token_sees_everything_that_may_be_signed_as_it_was_sent(written: Written, http: httpx.Client) -> None:
    body = '{"user_id" :"ü",\n "type":"x"}'.encode()
    http.post(LINK + "?b=1%202&a=x+y&empty=&a=%C3%BC", content=body, headers=PDS | {"host": "BJ1.example.com:8443"})
    asked = told(written)
    assert (asked.method, asked.host, asked.raw_body) == ("POST", "BJ1.example.com:8443", body)
    assert asked.path == LINK + "?b=1%202&a=x+y&empty=&a=%C3%BC"
    assert {name: asked.headers[name] for name in PDS} == PDS
    attributes = written.asked[0].attributes
    assert attributes.source.address.socket_address.address == "127.0.0.1"
    assert dict(attributes.context_extensions) == {"surface": "pds", "audience": "account"}


def test_a_get_of_the_rpc_style_keeps_its_query(written: Written, http: httpx.Client) -> None:
    query = "Action=DescribeOpenAccount&Format=JSON&Signature=a%2Bb%3D&SignatureType=&IdToken=%E4%B8%AD+~"
    http.get(f"/?{query}")
    assert told(written).path == f"/?{query}"
    assert told(written).method == "GET"
    ((method, _, _),) = written.called
    assert method == "/tessera.account.v1.OpenAccountService/DescribeOpenAccount"


def test_a_form_is_seen_before_it_is_translated(written: Written, http: httpx.Client) -> None:
    form = b"IdentityId=a+b%20c~&Action=DescribeOpenAccount&Format=JSON&Empty="
    http.post("/", content=form, headers={"content-type": "application/x-www-form-urlencoded"})
    assert told(written).raw_body == form
    assert told(written).headers["content-type"] == "application/x-www-form-urlencoded"


def test_nothing_of_a_credential_goes_further(written: Written, http: httpx.Client) -> None:
    push = {"accessid": "1", "timestamp": "1", "sign": "x", "authorization": "Basic x"}
    http.post(LINK, json={"user_id": "u"}, headers=PDS)
    http.post("/v3/device/account/query", json={"operator_type": 1}, headers=push)
    # By the other route, past token: the client of PDS's sends its token twice.
    http.post(LINK, json={"user_id": "u"}, headers=PDS | {"authorization": "Bearer t"})
    assert [request.attributes.context_extensions["surface"] for request in written.asked] == ["pds", "tpns"]
    *exchanged, (_, by_token, _) = [metadata for _, metadata, _ in written.called], written.called[-1]
    for metadata in exchanged[0]:
        assert not [name for name in metadata if name.startswith("x-acs-") or name in ("accessid", "timestamp", "sign")]
    for metadata in exchanged[0][:2]:
        assert "authorization" not in metadata
        assert metadata[EDGE_HEADER] == "made-by-token"
    assert by_token["authorization"] == "Bearer t"
    assert EDGE_HEADER not in by_token


def test_what_is_said_inside_is_taken_from_what_comes_in(written: Written, http: httpx.Client) -> None:
    forged = {
        EDGE_HEADER: "forged",
        "X-Tessera-Edge-Token": "forged",
        "x_tessera_edge_token": "forged",
        "x-tessera-host": "forged",
        "x-envoy-original-path": "/forged",
        "x-envoy-external-address": "192.0.2.1",
        "x-request-id": "forged",
        "grpc-timeout": "1n",
    }
    http.post(LINK, json={}, headers=PDS | forged)
    http.post(LINK, json={}, headers=PDS | forged | {"authorization": "Bearer t"})
    for headers in (dict(told(written).headers), *(metadata for _, metadata, _ in written.called)):
        assert "forged" not in "".join(headers.values())
        assert "192.0.2.1" not in headers.values()
        assert headers.get("grpc-timeout") != "1n"
    (_, exchanged, _), (_, by_token, _) = written.called
    assert exchanged[EDGE_HEADER] == "made-by-token"
    assert EDGE_HEADER not in by_token


def test_an_address_is_not_a_callers_to_say(written: Written, http: httpx.Client) -> None:
    http.post(LINK, json={}, headers=PDS | {"x-forwarded-for": "192.0.2.1", "x-real-ip": "192.0.2.1"})
    assert written.asked[0].attributes.source.address.socket_address.address == "127.0.0.1"


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("/v2/account/link", "/v2/account/link"),
        ("/v2/account/./link", "/v2/account/link"),
        ("/v2/user/../account/link", "/v2/account/link"),
        # Spelt as everybody does before anybody looks: who signed another spelling is refused.
        ("/v2/account/%6Cink", "/v2/account/link"),
        ("/v2\\account/link", "/v2/account/link"),
        ("/v2/account%2Flink", None),
        ("/v2/account%5Clink", None),
        ("//v2/account/link", None),
        ("/v2/account/link/", None),
        ("/V2/account/link", None),
        ("/v2/account/link;x=1", None),
        ("/v2/account/link#x", None),
        ("/v2/account/link%00", None),
        ("/v2/account/link%3Fx=1", None),
    ],
)
def test_the_path_that_is_signed_is_the_path_that_is_called(
    written: Written, behind: tuple[Written, int], sent: str, seen: str | None
) -> None:
    """The path is sent byte by byte. `None`: nothing is called."""
    body = b"{}"
    head = f"POST {sent} HTTP/1.1\r\nhost: t\r\nauthorization: acs k:s\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    raw(behind[1], head + body)
    paths = [request.attributes.request.http.path for request in written.asked]
    methods = [method for method, _, _ in written.called]
    if seen is None:
        assert methods == []
    else:
        assert (paths, methods) == ([seen], ["/tessera.account.v1.AccountService/LinkAccount"])


def raw(port: int, request: bytes) -> bytes:
    """Send bytes, and read the answer as far as it comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request.replace(b"\r\nhost:", b"\r\nconnection: close\r\nhost:", 1))
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 "), answer
    return answer


@pytest.mark.parametrize(
    "headers",
    [
        b"content-type: application/json\r\ncontent-type: application/x-www-form-urlencoded\r\n",
        b"content-type: application/x-www-form-urlencoded\r\ncontent-type: application/json\r\n",
        b"content-type: application/x-www-form-urlencoded\r\ncontent-type: application/x-www-form-urlencoded\r\n",
    ],
)
def test_a_body_of_two_types_is_one_to_token_and_the_filter(
    written: Written, behind: tuple[Written, int], headers: bytes
) -> None:
    body = b"Action=DescribeOpenAccount&IdentityId=x&Format=JSON"
    raw(behind[1], b"POST /?a=b HTTP/1.1\r\nhost: t\r\n" + headers + b"content-length: %d\r\n\r\n" % len(body) + body)
    # No form to either, so that there is no Action.
    assert "," in told(written).headers["content-type"]
    assert written.called == []


def test_headers_that_stand_twice_are_joined(written: Written, behind: tuple[Written, int]) -> None:
    raw(
        behind[1],
        b"POST /v2/account/link HTTP/1.1\r\nhost: t\r\nauthorization: acs a:b\r\nauthorization: acs c:d\r\n"
        b"x-acs-a: 1\r\nx-acs-a: 2\r\ncontent-length: 2\r\n\r\n{}",
    )
    assert told(written).headers["authorization"] == "acs a:b,acs c:d"
    assert told(written).headers["x-acs-a"] == "1,2"
