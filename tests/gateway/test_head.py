"""HEAD: the answer that GET would get, without its body.

A byte of a body would be read as the beginning of the next answer of the connection, which may be somebody else's.
"""

import socket

import httpx
import pytest
from google.api import httpbody_pb2

from tests.gateway.test_pages import PAGE
from tests.support.gateways import Edge


def answers(host: str, port: int | None, target: str) -> bytes:
    """All that comes on a connection for a HEAD and a GET behind it."""
    assert port
    lines = [f"HEAD {target} HTTP/1.1", f"Host: {host}", "", "GET /healthz HTTP/1.1"]
    lines += [f"Host: {host}", "Connection: close", "", ""]
    with socket.create_connection((host, port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v2/oauth/token", 404),
        ("/v2/user/get", 404),
        ("/v3/device/account/query", 200),
        ("/?Action=DescribeOpenAccount&Format=XML", 404),
        ("/healthz", 404),
        ("/ready", 404),
        ("/d/bj1/.well-known/jwks.json", 404),
        ("/docs", 200),
        ("/logon/x", 503),
        # Refused before any filter of ours has seen it.
        ("/v2/a%2Fb", 400),
    ],
)
def test_no_body_follows(alone: httpx.Client, target: str, status: int) -> None:
    received = answers(alone.base_url.host, alone.base_url.port, target)
    first, _, rest = received.partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d" % status), received
    assert b"content-length: 0" not in first
    # After a bad request the connection may end.
    assert rest.startswith(b"HTTP/1.1 200") or (status == 400 and not rest), received


@pytest.mark.parametrize(("page", "status"), [(PAGE, 200), (httpbody_pb2.HttpBody(), 303)], ids=["page", "way on"])
def test_no_body_of_a_page_follows(edge: Edge, page: httpbody_pb2.HttpBody, status: int) -> None:
    edge.services.said, edge.services.told = page, (("x-tessera-status", str(status)),)
    first, _, rest = answers(edge.address.host, edge.address.port, "/logon/x").partition(b"\r\n\r\n")
    assert first.startswith(b"HTTP/1.1 %d" % status)
    assert rest.startswith(b"HTTP/1.1 "), rest
