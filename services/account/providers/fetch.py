"""Small JSON documents, and answers to small requests, from addresses that an operator of a domain named.

Those may be anywhere, and nobody is to reach through us what he does not reach himself (server-side request forgery):
names are resolved here, every address must be a public one, and the connection goes to the address that was looked at.
No redirect is followed, no proxy asked, and nothing is read beyond a bound.

What is sent may hold secrets, also in a query or a header: no error's text, and no line of a log, has more of a request
than its host and path.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from json import loads
from typing import Any
from urllib.parse import quote_plus

import httpx

from services.account.providers.names import Names

MAX_BYTES = 256 * 1024
SECONDS = 3.0
"""How long the documents of a provider may take, with all that leads to them."""
REQUEST_SECONDS = 5.0
"""How long one request may take, with all its tries."""

# Read once: to make one takes as long as hundreds of calls.
_TLS = httpx.create_ssl_context()
# It writes the whole address of each request for who listens to `info`.
logging.getLogger("httpx").addFilter(lambda record: record.levelno >= logging.WARNING)
# RFC 6052 section 2.1: the last 32 bits are an IPv4 address.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Before these, nothing of a request was sent.
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)
# Their texts are the system's, and speak of connections alone. Those of others may quote a header of the request.
_SPEAKING = (*_NOT_CONNECTED, OSError)


class FetchError(Exception):
    """It cannot be had; the text says why, for the log and for who set the address up."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a domain's documents may be: at public addresses alone, unless private ones are allowed."""

    names: Names
    domain_id: str
    private_addresses: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request.

    Args:
        status: of HTTP; of a redirect too, which is not followed.
        body: what the JSON says; `None`: it is none.
        text: as it came, at most `MAX_BYTES`.
    """

    status: int
    # Both may hold tokens.
    body: Any = field(repr=False)
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: httpx.URL
    form: Mapping[str, str] | None
    json: Any
    headers: Mapping[str, str]
    auth: httpx.BasicAuth | None


async def fetch_json(url: str, reach: Reach) -> Any:
    """Fetch a JSON document.

    Args:
        url: https; http too where private addresses are allowed.
        reach: for whom, and where it may be.

    Raises:
        FetchError: it is not there, not allowed, too large, or not JSON; or it takes too long.
    """
    answer = await request_json("GET", url, reach)
    if answer.status != httpx.codes.OK or answer.body is None:
        msg = f"{_place(httpx.URL(url))}: status {answer.status}, {'not ' if answer.body is None else ''}JSON"
        raise FetchError(msg)
    return answer.body


async def request_json(
    method: str,
    url: str,
    reach: Reach,
    *,
    form: Mapping[str, str] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> Answer:
    """Make a request, and read a small answer, JSON or not, whatever its status.

    It is made once more where no connection was had, and where one broke if it is a GET; never after an answer.

    Args:
        method: `GET`, `POST`, …
        url: https; http too where private addresses are allowed. Its path must hold no secret.
        reach: for whom, and where it may be.
        form: fields of a form, which is sent.
        json: a value that is sent as JSON, instead of a form; `None`: nothing.
        headers: further ones.
        auth: client id and secret, sent by HTTP Basic as OAuth has it (RFC 6749 section 2.3.1: each is encoded first).

    Raises:
        FetchError: nobody answers there, it is not allowed, the answer is too large, or comes too late.
    """
    place = "an address"
    try:
        request = _Request(
            method,
            httpx.URL(url),
            form,
            json,
            headers or {},
            httpx.BasicAuth(*map(quote_plus, auth)) if auth else None,
        )
        place = _place(request.url)
        async with asyncio.timeout(REQUEST_SECONDS):
            status, body = await _ask(request, reach)
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        text = f": {error}" if isinstance(error, _SPEAKING) else ""
        msg = f"{place}: {type(error).__name__}{text}"
        # Without its cause, which would be logged with it.
        raise FetchError(msg) from None
    return Answer(status, _parse(body), body.decode(errors="replace"))


def _place(url: httpx.URL) -> str:
    """What may be said of an address: a query, and a name with its password, may be secrets."""
    return f"{url.scheme}://{url.netloc.decode()}{url.path}"


def _parse(body: bytes) -> Any:
    try:
        return loads(body)
    except (ValueError, RecursionError):
        return None


async def _ask(request: _Request, reach: Reach) -> tuple[int, bytes]:
    url = request.url
    if url.scheme != "https" and not (reach.private_addresses and url.scheme == "http"):
        msg = f"{_place(url)}: not https"
        raise FetchError(msg)
    first, *others = await _resolve(url, reach)
    try:
        return await _send(request, first)
    except _NOT_CONNECTED:
        pass
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        # Who did not answer may have done what was asked.
        if request.method != "GET":
            raise
    return await _send(request, others[0] if others else first)


async def _send(request: _Request, address: str) -> tuple[int, bytes]:
    url = request.url
    headers = {
        "accept": "application/json",
        **{name.lower(): value for name, value in request.headers.items()},
        "host": url.netloc.decode(),
        "accept-encoding": "identity",
    }
    # A client a request: no connection waits for another's, none that was made for one host serves another that has the
    # same address, and no cookie is kept.
    async with (
        httpx.AsyncClient(verify=_TLS, trust_env=False, follow_redirects=False, timeout=SECONDS) as client,
        client.stream(
            request.method,
            url.copy_with(host=address),
            data=request.form,
            json=request.json,
            headers=headers,
            auth=request.auth,
            extensions={"sni_hostname": url.raw_host.decode()},
        ) as answer,
    ):
        if answer.headers.get("content-encoding", "identity") != "identity":
            msg = f"{_place(url)}: status {answer.status_code}, encoded"
            raise FetchError(msg)
        return answer.status_code, await _read(url, answer)


async def _read(url: httpx.URL, answer: httpx.Response) -> bytes:
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > MAX_BYTES:
            msg = f"{_place(url)}: more than {MAX_BYTES} bytes"
            raise FetchError(msg)
    return bytes(body)


async def _resolve(url: httpx.URL, reach: Reach) -> list[str]:
    """The addresses of the host. All must be allowed: which one is connected to must not be luck."""
    port = url.port or (443 if url.scheme == "https" else 80)
    # As it goes into the request: `host` is decoded, and the resolver would encode that by older rules, which make
    # another host of it (`faß.de` became `fass.de`).
    looked_up = reach.names.addresses(reach.domain_id, url.raw_host.decode(), port)
    if reach.private_addresses:
        return await looked_up
    # Not which it is, nor whether there is one: a tenant who is told this learns nothing of our name servers.
    refusal = FetchError(f"{_place(url)}: {url.host} is not a public address")
    try:
        addresses = await looked_up
    except socket.gaierror:
        raise refusal from None
    if not all(map(is_public, addresses)):
        raise refusal
    return addresses


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
