import asyncio
import time
import urllib.parse
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from services.runtime.listening import Listener


class Heard(list[str]):
    """What was heard, and `reset` wherever something may have been missed."""

    def reset(self) -> None:
        self.append("reset")

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await asyncio.sleep(0.01)


@pytest.fixture
def dsn(database_url: Callable[[str], str]) -> str:
    return database_url("token")


@pytest_asyncio.fixture
async def teller(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    made = await asyncpg.connect(dsn)
    yield made
    await made.close()


async def _kill(teller: asyncpg.Connection) -> None:
    await teller.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'tessera-listener' and datname = current_database()"
    )


async def test_hears_what_is_told_in_order_and_says_until_when(dsn: str, teller: asyncpg.Connection) -> None:
    heard = Heard()
    listener = Listener(dsn, "news", heard.append, heard.reset)
    assert listener.heard_at < 0
    listener.start()
    try:
        await heard.until(lambda: listener.heard_at > 0)
        for number in range(5):
            await teller.execute("select pg_notify('news', $1)", str(number))
        await teller.execute("select pg_notify('other', 'nothing')")
        told_at = time.monotonic()
        await heard.until(lambda: listener.heard_at > told_at)
        assert heard == ["reset", "0", "1", "2", "3", "4"]
    finally:
        await listener.close()


async def test_a_lost_connection_is_told_and_made_again(dsn: str, teller: asyncpg.Connection) -> None:
    heard = Heard()
    listener = Listener(dsn, "news", heard.append, heard.reset)
    listener.start()
    try:
        await heard.until(lambda: listener.heard_at > 0)
        await _kill(teller)
        await heard.until(lambda: heard.count("reset") == 3)
        await heard.until(lambda: listener.heard_at > 0)
        await teller.execute("select pg_notify('news', 'again')")
        await heard.until(lambda: heard[-1] == "again")
        assert heard == ["reset", "reset", "reset", "again"]
    finally:
        await listener.close()


async def test_a_database_that_is_away_is_waited_for(dsn: str) -> None:
    heard = Heard()
    away = Listener(dsn.replace("/token_", "/nowhere_"), "news", heard.append, heard.reset)
    away.start()
    await asyncio.sleep(0.6)
    assert away.heard_at < 0
    assert heard == []
    await away.close()


@asynccontextmanager
async def _pooler(dsn: str, folder: Path) -> AsyncIterator[str]:
    """Stands before the database and, as poolers do, tells of a server process that is none; gives its DSN."""
    parts = urllib.parse.urlsplit(dsn)
    sockets = urllib.parse.parse_qs(parts.query)["host"][0]

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            head, key, rest = chunk.partition(b"K\x00\x00\x00\x0c")
            writer.write(head + key + (b"\x7f\xff\xff\xff" + rest[4:] if key else b""))
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, before = await asyncio.open_unix_connection(f"{sockets}/.s.PGSQL.5432")
        await asyncio.gather(pass_on(reader, before), pass_on(behind, writer))

    async with await asyncio.start_unix_server(serve, folder / ".s.PGSQL.5432"):
        yield f"postgres://{parts.username}@{parts.path}?host={urllib.parse.quote(str(folder))}"


async def test_behind_a_pooler_nothing_is_believed_to_be_heard(
    dsn: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    heard = Heard()
    async with _pooler(dsn, tmp_path_factory.mktemp("p")) as pooled:
        listener = Listener(pooled, "news", heard.append, heard.reset)
        listener.start()
        await heard.until(lambda: heard == ["reset"])
        await asyncio.sleep(0.6)
        assert listener.heard_at < 0
        await listener.close()
