"""A mail server of a test's own: as much of RFC 5321 as a client needs, with STARTTLS, TLS and AUTH PLAIN."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

USER, PASSWORD = "tessera", "mail password"


@dataclass(frozen=True)
class Mail:
    """A mail that was taken, with its envelope, and whether it came over TLS."""

    sender: str
    recipients: list[str]
    raw: bytes
    encrypted: bool
    user: str

    @property
    def parsed(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=default)  # type: ignore[return-value]


@dataclass
class Mails:
    """The server: what it took, what was said to it, and how it behaves.

    Args:
        context: its certificate; `None`: it knows no TLS.
        from_the_beginning: whether TLS begins at once.
        instead: what it answers to a command, or to the end of a mail (`.`), in place of the usual; empty: it hangs up.
        silent_at: the command that it does not answer.
        ended: connections that end before it says anything, to come.
    """

    context: ssl.SSLContext | None = None
    from_the_beginning: bool = False
    instead: dict[str, str] = field(default_factory=dict)
    silent_at: str = ""
    ended: int = 0
    port: int = 0
    taken: list[Mail] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            if self.ended:
                self.ended -= 1
                return
            await _Session(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # who sent has gone
        finally:
            writer.close()


class _Session:
    def __init__(self, mails: Mails, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.mails, self.reader, self.writer = mails, reader, writer
        self.encrypted, self.user = mails.from_the_beginning, ""
        self.sender, self.recipients = "", []

    async def answer(self, text: str) -> None:
        self.writer.write(text.encode() + b"\r\n")
        await self.writer.drain()

    async def run(self) -> None:
        await self.answer("220 mail.example.com ESMTP")
        while True:
            line = (await self.reader.readuntil(b"\r\n")).decode().removesuffix("\r\n")
            self.mails.said.append(line)
            verb = line.split(" ")[0].upper()
            if not await self.usual(verb):
                continue
            match verb:
                case "EHLO":
                    tls = "250-STARTTLS\r\n" if self.mails.context and not self.encrypted else ""
                    await self.answer(f"250-mail.example.com\r\n{tls}250-SMTPUTF8\r\n250-8BITMIME\r\n250 AUTH PLAIN")
                case "STARTTLS" if self.mails.context and not self.encrypted:
                    await self.answer("220 go on")
                    await self.writer.start_tls(self.mails.context)
                    self.encrypted = True
                case "AUTH":
                    await self.authenticate(line)
                case "MAIL":
                    self.sender, self.recipients = line.split("<")[1].split(">")[0], []
                    await self.answer("250 yes")
                case "RCPT":
                    self.recipients.append(line.split("<")[1].split(">")[0])
                    await self.answer("250 yes")
                case "DATA":
                    await self.answer("354 go on")
                    await self.take(await self.reader.readuntil(b"\r\n.\r\n"))
                case "QUIT":
                    await self.answer("221 bye")
                    return
                case _:
                    await self.answer("502 what?")

    async def usual(self, verb: str) -> bool:
        """Whether there is nothing to be said in place of the usual; says it, where there is."""
        if verb == self.mails.silent_at:
            await asyncio.sleep(60)
        if verb not in self.mails.instead:
            return True
        if not self.mails.instead[verb]:
            raise ConnectionError
        await self.answer(self.mails.instead[verb])
        return False

    async def authenticate(self, line: str) -> None:
        given = base64.b64decode(line.split(" ")[2]).decode().split("\0")[1:]
        if given != [USER, PASSWORD]:
            await self.answer("535 no")
            return
        self.user = USER
        await self.answer("235 yes")

    async def take(self, data: bytes) -> None:
        raw = data.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        self.mails.taken.append(Mail(self.sender, self.recipients, raw, self.encrypted, self.user))
        if await self.usual("."):
            await self.answer("250 taken")


@asynccontextmanager
async def taking_mails(mails: Mails) -> AsyncIterator[Mails]:
    """The server, at 127.0.0.1."""
    context = mails.context if mails.from_the_beginning else None
    server = await asyncio.start_server(mails.serve, "127.0.0.1", 0, ssl=context)
    mails.port = server.sockets[0].getsockname()[1]
    try:
        yield mails
    finally:
        server.close()
