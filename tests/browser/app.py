"""An app of somebody's that logs people on: it sends browsers to the gateway and redeems what they come back with."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
"""The grant of a device without a browser (RFC 8628)."""

_PAGE = b"<!doctype html><html lang=en><title>App</title><h1>The app</h1></html>"


class App:
    """The app.

    Args:
        gateway: base URL.
        redirect_uri: where browsers come back to: a page that says nothing.
        moved_uri: where they come back to, too, and are sent on to `home`, at another host.
        own_uri: of a scheme of an installed app's own; there is none.
    """

    client_id: str
    client_secret: str

    def __init__(self, gateway: str, redirect_uri: str) -> None:
        self.gateway = gateway
        self.redirect_uri = redirect_uri
        self.moved_uri = redirect_uri.replace("/callback", "/moved")
        self.home = redirect_uri.replace("/callback", "/home").replace("127.0.0.1", "localhost")
        self.own_uri = "com.example.paper:/callback"

    def link(self, **more: str) -> str:
        """Where it sends browsers."""
        asked = {
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "openid profile",
            "state": "a b&c",
            "nonce": "n-1",
        }
        return f"{self.gateway}/v2/oauth/authorize?{urlencode(asked | more)}"

    def told(self, url: str) -> dict[str, str]:
        """What a browser came back with."""
        assert url.startswith(f"{self.redirect_uri}?"), url
        told = parse_qs(urlsplit(url).query, strict_parsing=True)
        assert all(len(values) == 1 for values in told.values())
        assert told["state"] == ["a b&c"]
        return {name: values[0] for name, values in told.items()}

    async def ask(self, path: str, **form: str) -> httpx.Response:
        """Call the gateway as this app."""
        async with httpx.AsyncClient(base_url=self.gateway, timeout=20) as http:
            own = {"client_id": self.client_id, "client_secret": self.client_secret}
            return await http.post(path, data=own | form)

    async def token(self, url: str) -> dict[str, Any]:
        """The token for the code that a browser came back with."""
        answer = await self.ask(
            "/v2/oauth/token",
            grant_type="authorization_code",
            code=self.told(url)["code"],
            redirect_uri=self.redirect_uri,
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def claims(self, token: Mapping[str, Any]) -> dict[str, Any]:
        """What the id token of a token says, checked as OpenID Connect Core section 3.1.3.7 has it."""
        async with httpx.AsyncClient(base_url=self.gateway, timeout=20) as http:
            metadata = (await http.get("/.well-known/openid-configuration")).json()
            keys = jwt.PyJWKSet.from_dict((await http.get("/.well-known/jwks.json")).json())
        key = keys[jwt.get_unverified_header(token["id_token"])["kid"]]
        return dict(
            jwt.decode(token["id_token"], key, algorithms=["RS256"], audience=self.client_id, issuer=metadata["issuer"])
        )


@asynccontextmanager
async def running_app(gateway: str) -> AsyncIterator[App]:
    """An app whose page answers; it is not known to anybody yet."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
            status = f"303 See Other\r\nlocation: {app.home}" if path.startswith("/moved?") else "200 OK"
            head = f"HTTP/1.1 {status}\r\ncontent-type: text/html\r\ncontent-length: {len(_PAGE)}\r\n"
            writer.write(head.encode() + b"connection: close\r\n\r\n" + _PAGE)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        app = App(gateway, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/callback")
        yield app
