"""What answers as no directory should: a server with a certificate that is believed, and an answer of a test's own."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.certificates import issue, make_authority
from services.account.model.user_systems import LdapSettings, UserSystem
from tests.support.slapd import HOST, PEOPLE

BIND, SEARCH = 0x60, 0x63

Answer = Callable[[bytes, int, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request: the message's id, as it is written, the operation's tag, and where the answer goes."""


def message(message_id: bytes, operation: bytes) -> bytes:
    """An LDAP message (RFC 4511 section 4.1.1) of less than 128 bytes."""
    body = b"\x02" + bytes([len(message_id)]) + message_id + operation
    return b"\x30" + bytes([len(body)]) + body


def result(tag: int, code: int) -> bytes:
    """The result of an operation, with no text in it: 0x61 of a bind, 0x65 of a search."""
    return bytes([tag, 7, 0x0A, 1, code, 4, 0, 4, 0])


@asynccontextmanager
async def odd_directory(folder: Path, answer: Answer) -> AsyncIterator[UserSystem]:
    """A user system at a server that answers so."""
    authority = make_authority()
    own = issue(authority, HOST)
    (folder / "own.pem").write_text(own.certificate + own.key, encoding="ascii")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "own.pem")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.read(4096):
                # The message's tag, its length in one byte or several, then the id.
                start = 2 + (request[1] & 0x7F if request[1] & 0x80 else 0)
                end = start + 2 + request[start + 1]
                await answer(request[start + 2 : end], request[end], writer)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass  # who asked has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    settings = LdapSettings(f"ldaps://{HOST}:{port}", PEOPLE, ca_pem=authority.certificate)
    try:
        yield UserSystem("d1", "odd", settings, private_addresses=True)
    finally:
        server.close()
