"""A wire to Postgres that can be cut without a word, as when a host loses its power or a firewall its memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_CHUNK = 65_536


class Wire:
    """Passes everything on, until it is cut.

    Args:
        dsn: of a database behind it, to connect to.
    """

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._cut = asyncio.Event()
        self._closed = False

    def close(self) -> None:
        """Cut it, and take nobody any more."""
        self._closed = True
        self.cut()

    def open(self) -> None:
        """Take them again."""
        self._closed = False

    def cut(self) -> None:
        """Nothing more is heard on the connections that there are, nor that they ended; new ones pass."""
        self._cut.set()
        self._cut = asyncio.Event()

    async def join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, socket: Path) -> None:
        """Join a client to the server until either leaves or the wire is cut; then hold the client, for good."""
        if self._closed:
            writer.close()
            return
        cut = asyncio.create_task(self._cut.wait())
        there_reader, there_writer = await asyncio.open_unix_connection(socket)
        passing = [
            asyncio.create_task(_pass(reader, there_writer)),
            asyncio.create_task(_pass(there_reader, writer)),
        ]
        try:
            await asyncio.wait((cut, *passing), return_when=asyncio.FIRST_COMPLETED)
            for task in passing:
                task.cancel()
            there_writer.close()
            if cut.done():
                await asyncio.get_running_loop().create_future()
        finally:
            cut.cancel()
            writer.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()


@asynccontextmanager
async def wire_to(dsn: str, folder: Path) -> AsyncIterator[Wire]:
    """A wire to a database on a Unix socket; `folder` is for its own end, and has a short name."""
    sockets = parse_qs(urlsplit(dsn).query)["host"][0]
    made = Wire(dsn.replace(sockets, str(folder)))
    joined: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(made.join(reader, writer, Path(sockets) / ".s.PGSQL.5432"))
        joined.add(task)
        task.add_done_callback(joined.discard)

    async with await asyncio.start_unix_server(serve, folder / ".s.PGSQL.5432"):
        yield made
        for task in joined:
            task.cancel()
        if joined:
            await asyncio.wait(joined)
