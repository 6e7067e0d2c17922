"""Stand-ins of user systems: HTTP on loopback, by asyncio alone. A request that is not as documented fails the test."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


class Deviation(AssertionError):
    """A request, or an address, that the documents do not have so."""


@dataclass(frozen=True)
class Asked:
    """One request: names of headers in lower case, the query as pairs."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def reply(status: int = 200, **fields: Any) -> Reply:
    """A JSON object."""
    return Reply(json.dumps(fields).encode(), status, {"content-type": "application/json;charset=utf-8"})


def once(pairs: list[tuple[str, str]], *names: str) -> dict[str, str]:
    """Parameters, each of which is there once, in this order, and no other. Raises `Deviation`."""
    if [name for name, _ in pairs] != list(names):
        raise Deviation(f"parameters {[name for name, _ in pairs]}, not {list(names)}")
    if not all(value for _, value in pairs):
        raise Deviation("an empty parameter")
    return dict(pairs)


def sent_to(url: str, page: str, *names: str) -> dict[str, str]:
    """The parameters with which a browser is sent to a page. Raises `Deviation`."""
    parts = urlsplit(url)
    if f"{parts.scheme}://{parts.netloc}{parts.path}" != page:
        raise Deviation(f"{url}: not {page}")
    return once(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True), *names)


class StandIn:
    """A user system: `answer` says what it answers, `deviations` what it was asked that it should not have been."""

    def __init__(self) -> None:
        self.address = ""
        self.asked: list[Asked] = []
        self.deviations: list[str] = []
        # In place of the answer to a path, and how long it takes, in seconds.
        self.instead: dict[str, Reply] = {}
        self.slow: dict[str, float] = {}
        self.over = asyncio.Event()

    def answer(self, asked: Asked) -> Reply:
        """What is answered, as documented. Raises `Deviation`."""
        raise NotImplementedError

    def paths(self) -> list[str]:
        """Of all requests."""
        return [each.path for each in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        try:
            asked = await _read(reader)
            self.asked.append(asked)
            if seconds := self.slow.get(asked.path):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.over.wait(), seconds)
            answer = self.instead.get(asked.path) or self._answer(asked)
            headers = {**answer.headers, "content-length": str(len(answer.body)), "connection": "close"}
            lines = [f"HTTP/1.1 {answer.status} Said", *(f"{name}: {value}" for name, value in headers.items())]
            writer.write("\r\n".join([*lines, "", ""]).encode() + answer.body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # who asked has gone
        finally:
            writer.close()

    def _answer(self, asked: Asked) -> Reply:
        try:
            return self.answer(asked)
        except Deviation as deviation:
            self.deviations.append(f"{asked.method} {asked.path}: {deviation}")
            return Reply(b"", 500)


async def _read(reader: asyncio.StreamReader) -> Asked:
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Asked(method, path, parse_qsl(query, keep_blank_values=True), headers, body)


@asynccontextmanager
async def serving(*stand_ins: StandIn) -> AsyncIterator[None]:
    """Have stand-ins serve, and see that they were asked nothing that they should not have been."""
    servers = []
    for stand_in in stand_ins:
        server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0)
        stand_in.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        servers.append(server)
    try:
        yield
    finally:
        for stand_in, server in zip(stand_ins, servers, strict=True):
            stand_in.over.set()
            server.close()
    assert [each for stand_in in stand_ins for each in stand_in.deviations] == []


def json_of(asked: Asked) -> Mapping[str, Any]:
    """The JSON object of a request. Raises `Deviation`."""
    if asked.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Deviation(f"content-type {asked.headers.get('content-type')}")
    fields = json.loads(asked.body)
    if not isinstance(fields, dict):
        raise Deviation("no JSON object")
    return fields
