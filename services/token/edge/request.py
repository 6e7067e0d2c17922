"""A request as it came to the gateway, before anything was translated: all that a scheme sees."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, NamedTuple


class Request(NamedTuple):
    """A request.

    `path` is without the query, both as they were sent; dots are resolved, as the route was found by the result.
    `headers` have lower-case names; what stood several times is joined by commas. `peer` is who is connected to the
    gateway.
    """

    surface: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    host: str
    peer: str

    @property
    def client(self) -> IPv4Address | IPv6Address | None:
        """The address of `peer`, `None` where that is no IP address."""
        return _read_address(self.peer)

    @property
    def scheme(self) -> str:
        """Scheme of the header `authorization`, in lower case (RFC 9110 section 11.1); empty: there is none."""
        return self.headers.get("authorization", "").partition(" ")[0].lower()

    @property
    def credential(self) -> str:
        """What stands behind that scheme."""
        return self.headers.get("authorization", "").partition(" ")[2].strip(" ")


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
        peer=attributes.source.address.socket_address.address,
    )


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # A socket for both versions shows an address of the fourth as one of the sixth.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
