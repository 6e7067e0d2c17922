"""An OpenID provider of a test's own: discovery and keys over HTTP on loopback, and tokens that it signs."""

import asyncio
import json
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, KeySet, OKPKey, RSAKey

AUDIENCE = "cars-app"


def new_key(algorithm: str = "ES256", key_id: str | None = "k1") -> Key:
    """A key of a provider, with or without an id."""
    options = {"alg": algorithm, "use": "sig"} | ({"kid": key_id} if key_id else {})
    if algorithm == "RS256":
        return RSAKey.generate_key(2048, options)
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519", options)
    return ECKey.generate_key("P-256", options)


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: str

    def form(self) -> dict[str, str]:
        """Its fields, each of which stands there once."""
        pairs = parse_qsl(self.body, keep_blank_values=True, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)


async def read_request(reader: asyncio.StreamReader) -> Asked:
    """Read a request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = (await reader.readexactly(int(headers.get("content-length", "0")))).decode()
    path, _, query = target.partition("?")
    return Asked(method, path, query, headers, body)


class Provider:
    """What the provider answers, which a test may change; `asked` lists the paths that were asked for."""

    def __init__(self) -> None:
        self.keys = [new_key()]
        self.asked: list[str] = []
        self.issuer = ""
        # In place of the answer to a path: status, headers, body.
        self.instead: dict[str, tuple[str, str, bytes]] = {}
        self.hangs = False
        # How long the answer to a path takes, in seconds.
        self.slow: dict[str, float] = {}

    @property
    def discovery(self) -> str:
        return "/.well-known/openid-configuration"

    def jwks(self) -> str:
        """Its public keys."""
        return json.dumps(KeySet(self.keys).as_dict(private=False))

    def claims(self, **changed: Any) -> dict[str, Any]:
        """What a good token says."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": "12345", "iat": now, "exp": now + 300}
        return {name: value for name, value in (claims | changed).items() if value is not None}

    def token(self, key: Key | None = None, header: dict[str, Any] | None = None, **changed: Any) -> str:
        """A token, signed by one of its keys unless another is given."""
        key = key or self.keys[0]
        head = {"alg": key.alg} | ({"kid": key.kid} if key.kid else {}) | (header or {})
        with warnings.catch_warnings():
            # EdDSA has a new name in JOSE.
            warnings.simplefilter("ignore", SecurityWarning)
            return jwt.encode(head, self.claims(**changed), key, algorithms=["RS256", "ES256", "EdDSA"])

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        try:
            asked = await read_request(reader)
            path = asked.path
            self.asked.append(path)
            if self.hangs:
                await asyncio.sleep(60)
            await asyncio.sleep(self.slow.get(path, 0))
            status, headers, body = self.instead.get(path) or self.usual(asked)
            head = f"HTTP/1.1 {status}\r\n{headers}content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # who asked has gone
        finally:
            writer.close()

    def metadata(self) -> dict[str, Any]:
        """What it says of itself."""
        return {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}

    def usual(self, asked: Asked) -> tuple[str, str, bytes]:
        """Status, headers and body of the answer to a request."""
        if asked.path == self.discovery:
            return "200 OK", "", json.dumps(self.metadata()).encode()
        if asked.path == "/keys":
            return "200 OK", "", self.jwks().encode()
        return "404 Not Found", "", b""


@asynccontextmanager
async def running_provider() -> AsyncIterator[Provider]:
    """A provider that serves."""
    async with serving(Provider()) as provider:
        yield provider


P = TypeVar("P", bound=Provider)


@asynccontextmanager
async def serving(provider: P) -> AsyncIterator[P]:
    """A provider, while it serves."""
    server = await asyncio.start_server(provider.answer, "127.0.0.1", 0)
    provider.issuer = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.close()
