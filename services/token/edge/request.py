"""A request as it came to the gateway, before anything was translated: all that a scheme sees."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any


@dataclass(slots=True)
class Request:
    """A request.

    `path` is without the query, both as they were sent; dots are resolved, as the route was found by the result.
    `headers` have lower-case names; what stood several times is joined by commas. `source` is who is connected to the
    gateway, as the CheckRequest says it. `scheme` and `credential` are the two parts of the header `authorization` (RFC
    9110 section 11.4), the first in lower case; both are empty where there is none.
    """

    surface: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    host: str
    source: Any
    scheme: str = field(init=False)
    credential: str = field(init=False)

    def __post_init__(self) -> None:
        scheme, _, credential = self.headers.get("authorization", "").partition(" ")
        self.scheme, self.credential = scheme.lower(), credential.strip(" ")

    @property
    def client(self) -> IPv4Address | IPv6Address | None:
        """The address of `source`, `None` where that is no IP address."""
        return _read_address(self.source.address.socket_address.address)


def read(attributes: Any) -> Request:
    """A request from `attributes` of a CheckRequest."""
    http = attributes.request.http
    # As the gateway's filters divide it.
    path, _, query = http.path.partition("#")[0].partition("?")
    return Request(
        surface=attributes.context_extensions.get("surface", ""),
        method=http.method,
        path=path,
        query=query,
        headers=http.headers,
        body=http.raw_body,
        host=http.host,
        source=attributes.source,
    )


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket for both versions shows an address of the fourth as one of the sixth.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
