"""At which hosts pages are, as others may be told."""

from typing import cast

import pytest
from starlette.requests import Request

from services.account.pages.flow import FlowSeal
from services.account.pages.known import KnownSeal
from services.account.pages.visit import PageError, Visit
from services.account.resources import Resources

SHOP, HERE = "https://shop.example.com:8443/d/shop", "http://localhost:8080"


def at(host: str) -> Visit:
    """A browser that found us at a host."""
    headers = [(b"host", host.encode())]
    request = Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers})
    return Visit(request, cast("Resources", None), cast("FlowSeal", None), cast("KnownSeal", None))


@pytest.mark.parametrize(
    ("issuer", "host", "base"),
    [
        (SHOP, "shop.example.com:8443", "https://shop.example.com:8443"),
        (SHOP, "Shop.Example.com:8443", "https://shop.example.com:8443"),
        (HERE, "localhost:8080", "http://localhost:8080"),
        (HERE, "127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/d/shop", "[::1]:9090", "http://[::1]:9090"),
    ],
)
def test_where_a_domain_is(issuer: str, host: str, base: str) -> None:
    assert at(host).base(issuer) == base


@pytest.mark.parametrize(
    ("issuer", "host"),
    [
        (SHOP, "shop.example.com"),
        (SHOP, "evil.example.com"),
        (SHOP, "shop.example.com:8443@evil.example.com"),
        (SHOP, "shop.example.com:8443.evil.example.com"),
        (SHOP, "localhost:8443"),
        (SHOP, ""),
        (HERE, "evil.example.com"),
        (HERE, "localhost:8080@evil.example.com"),
        (HERE, "localhost.evil.example.com"),
        (HERE, "localhost:evil"),
    ],
)
def test_where_it_is_not(issuer: str, host: str) -> None:
    with pytest.raises(PageError) as caught:
        at(host).base(issuer)
    assert (caught.value.key, caught.value.status) == ("host", 404)
