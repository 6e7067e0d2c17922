"""A server over HTTPS of a test's own, which takes posts and answers what the test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.certificates import Issued, issue, make_authority


@dataclass(frozen=True)
class Posted:
    """A request, as it came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Posts:
    """What was posted, and what is answered.

    Args:
        answer: status and body for a request; what it raises is the test's failure, and the connection's end.
    """

    def __init__(self, answer: Callable[[Posted], tuple[int, bytes]]) -> None:
        self.answer = answer
        self.url = ""
        self.taken: list[Posted] = []
        self.failures: list[BaseException] = []
        self.seconds = 0.0
        """How long an answer takes."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = head[0].split(" ")
            path, _, query = target.partition("?")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            posted = Posted(
                method, path, query, headers, await reader.readexactly(int(headers.get("content-length", "0")))
            )
            self.taken.append(posted)
            await asyncio.sleep(self.seconds)
            status, body = self.answer(posted)
            writer.write(f"HTTP/1.1 {status} Whatever\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # who asked has gone
        except (AssertionError, LookupError, ValueError) as failure:
            self.failures.append(failure)
        finally:
            writer.close()


@asynccontextmanager
async def taking_posts(context: ssl.SSLContext, answer: Callable[[Posted], tuple[int, bytes]]) -> AsyncIterator[Posts]:
    """A server at `https://localhost:…`."""
    posts = Posts(answer)
    server = await asyncio.start_server(posts.serve, "127.0.0.1", 0, ssl=context)
    posts.url = f"https://localhost:{server.sockets[0].getsockname()[1]}"
    try:
        yield posts
    finally:
        server.close()
    assert not posts.failures


def serving(folder: Path, authority: Issued, name: str = "localhost") -> ssl.SSLContext:
    """TLS of a server of that name."""
    own = issue(authority, name)
    file = folder / f"{name}.pem"
    file.write_text(own.certificate + own.key, encoding="ascii")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context


def believed_authority(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Issued:
    """An authority whose certificates this machine believes, as far as this test goes."""
    authority = make_authority()
    file = folder / "ca.pem"
    file.write_text(authority.certificate, encoding="ascii")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    return authority
