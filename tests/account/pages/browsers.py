"""A browser, as LogonService hears of one: it keeps cookies, follows ways on, and fills in forms."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from google.api import httpbody_pb2
from tessera.account.v1 import logon_service_pb2_grpc

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Page:
    """What a browser was answered. `headers` are as they came, set-cookie as often as there are cookies."""

    target: str
    status: int
    headers: tuple[tuple[str, str], ...]
    content_type: str
    data: bytes

    @property
    def text(self) -> str:
        return self.data.decode()

    def header(self, name: str) -> str:
        """A header that comes once; empty: it does not."""
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, found
        return found[0] if found else ""

    @property
    def path(self) -> str:
        """Where it is, without a query."""
        return self.target.partition("?")[0]

    @property
    def location(self) -> str:
        """Where a browser goes on to by itself: by a redirect, or by what a page says (HTML section 4.2.5.3)."""
        said = re.search(r'<meta http-equiv="refresh" content="0;url=([^"]*)">', self.text)
        return unescape(said[1]) if said else self.header("location")

    @property
    def answer(self) -> dict[str, str]:
        """What an app is told by the query of the location."""
        return {name: value for name, (value,) in parse_qs(urlsplit(self.location).query).items()}

    @property
    def cookies(self) -> list[str]:
        return [value for key, value in self.headers if key == "set-cookie"]

    @property
    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.text)
        assert found, self.text
        return unescape(found[1])

    @property
    def problem(self) -> str:
        """What a page says is wrong; empty: nothing."""
        found = re.search(r'role="alert"[^>]*>([^<]*)<', self.text)
        return unescape(found[1]) if found else ""


class Browser:
    """A browser at an address of its own."""

    def __init__(
        self, stub: logon_service_pb2_grpc.LogonServiceStub, host: str = "bj1.example.com", scheme: str = "https"
    ) -> None:
        self._stub = stub
        self.host = host
        self.scheme = scheme
        self.cookies: dict[str, str] = {}
        number = uuid.uuid4().int
        self.address = f"10.{number % 256}.{number // 256 % 256}.{number // 65536 % 256}"
        self.headers = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}

    async def get(self, target: str, headers: Mapping[str, str] | None = None) -> Page:
        return await self._ask("GET", target, httpbody_pb2.HttpBody(), headers)

    async def post(
        self,
        target: str,
        form: Mapping[str, str] | bytes = b"",
        headers: Mapping[str, str] | None = None,
        content_type: str = FORM,
    ) -> Page:
        data = form if isinstance(form, bytes) else urlencode(form).encode()
        return await self._ask("POST", target, httpbody_pb2.HttpBody(content_type=content_type, data=data), headers)

    async def fill(self, page: Page, **fields: str) -> Page:
        """Send a form of a page, and follow where it leads."""
        return await self.follow(await self.post(page.target, {"csrf": page.csrf} | fields))

    async def follow(self, page: Page) -> Page:
        """The page to which an answer leads, as far as it is one of ours."""
        while page.status == 303 and page.location.startswith("/logon/"):
            page = await self.get(page.location)
        return page

    async def _ask(
        self, method: str, target: str, body: httpbody_pb2.HttpBody, headers: Mapping[str, str] | None
    ) -> Page:
        told = self.headers | dict(headers or {})
        if self.cookies:
            told.setdefault("cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        told |= {
            "x-tessera-target": target,
            "x-tessera-host": self.host,
            "x-tessera-peer": self.address,
            "x-forwarded-proto": self.scheme,
        }
        method_of = self._stub.GetPage if method == "GET" else self._stub.PostPage
        call = method_of(body, metadata=tuple(told.items()), timeout=20)
        answer = await call
        said = tuple((name, value) for name, value in await call.initial_metadata() if isinstance(value, str))
        headers_of = tuple(pair for pair in said if pair[0] != "x-tessera-status")
        page = Page(target, int(dict(said)["x-tessera-status"]), headers_of, answer.content_type, answer.data)
        for cookie in page.cookies:
            self._keep(cookie)
        return page

    def _keep(self, cookie: str) -> None:
        pair, *attributes = cookie.split("; ")
        name, _, value = pair.partition("=")
        if "Max-Age=0" in attributes:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value.strip('"')


def target(path: str, **parameters: str) -> str:
    """An address with a query."""
    return f"{path}?{urlencode(parameters, quote_via=quote)}"
