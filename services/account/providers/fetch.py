"""A small JSON document from an address that an operator of a domain named, which may be anywhere.

Nobody is to reach through us what he does not reach himself (server-side request forgery): names are resolved here,
every address must be a public one, and the connection goes to the address that was looked at. No redirect is followed,
no proxy asked, and nothing is read beyond a bound.
"""

import ipaddress
import json
from dataclasses import dataclass
from typing import Any

import httpx

from services.account.providers.names import Names

MAX_BYTES = 256 * 1024
SECONDS = 3.0
"""How long the documents of a provider may take, with all that leads to them."""

# Read once: to make one takes as long as hundreds of calls.
_TLS = httpx.create_ssl_context()
# RFC 6052 section 2.1: the last 32 bits are an IPv4 address.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class FetchError(Exception):
    """It cannot be had; the text says why, for the log."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a domain's documents may be: at public addresses alone, unless private ones are allowed."""

    names: Names
    domain_id: str
    private_addresses: bool


async def fetch_json(url: str, reach: Reach) -> Any:
    """Fetch a JSON document. How long to wait for it and others is the caller's to say.

    Args:
        url: https; http too where private addresses are allowed.
        reach: for whom, and where it may be.

    Raises:
        FetchError: it is not there, not allowed, too large, or not JSON.
    """
    try:
        return json.loads(await _fetch(httpx.URL(url), reach))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError) as error:
        msg = f"{url}: {type(error).__name__}: {error}"
        raise FetchError(msg) from error


async def _fetch(url: httpx.URL, reach: Reach) -> bytes:
    if url.scheme != "https" and not (reach.private_addresses and url.scheme == "http"):
        msg = f"{url}: not https"
        raise FetchError(msg)
    address = await _resolve(url, reach)
    # A client a fetch: no connection waits for another's.
    async with (
        httpx.AsyncClient(verify=_TLS, trust_env=False, follow_redirects=False, timeout=SECONDS) as client,
        client.stream(
            "GET",
            url.copy_with(host=address),
            headers={"host": url.netloc.decode(), "accept": "application/json", "accept-encoding": "identity"},
            extensions={"sni_hostname": url.raw_host.decode()},
        ) as answer,
    ):
        if answer.status_code != httpx.codes.OK or "content-encoding" in answer.headers:
            msg = f"{url}: status {answer.status_code}, {answer.headers.get('content-encoding', 'not encoded')}"
            raise FetchError(msg)
        return await _read(url, answer)


async def _read(url: httpx.URL, answer: httpx.Response) -> bytes:
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > MAX_BYTES:
            msg = f"{url}: more than {MAX_BYTES} bytes"
            raise FetchError(msg)
    return bytes(body)


async def _resolve(url: httpx.URL, reach: Reach) -> str:
    """The address to connect to. All that the name has must be allowed: which one is taken must not be luck."""
    port = url.port or (443 if url.scheme == "https" else 80)
    # As it goes into the request: `host` is decoded, and the resolver would encode that by older rules, which make
    # another host of it (`faß.de` became `fass.de`).
    addresses = await reach.names.addresses(reach.domain_id, url.raw_host.decode(), port)
    if not reach.private_addresses:
        for address in addresses:
            if not is_public(address):
                msg = f"{url}: {address} is not a public address"
                raise FetchError(msg)
    return addresses[0]


def is_public(text: str) -> bool:
    """Whether an IP address is one that anybody on the internet reaches, also where it wraps another."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        if wrapped := address.ipv4_mapped or address.sixtofour:
            return is_public(str(wrapped))
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved
