"""What every part of a store is built on: a module a noun, with its statements in the SQL file beside it."""

from typing import Any, Protocol

import asyncpg


class Executor(Protocol):
    """What runs statements: the database, or one connection in a transaction."""

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        """All rows."""

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        """The first row."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first row's first value."""

    async def execute(self, query: str, *args: Any) -> str:
        """The command tag."""


class Section:
    """A part of the store: the statements about one noun. Raises `Unavailable` and `Overloaded` from any method.

    Args:
        database: the database, where each statement takes effect by itself, or one connection in a transaction.
    """

    def __init__(self, database: Executor) -> None:
        self._database = database

    async def _text(self, query: str, *args: Any) -> str | None:
        value: str | None = await self._database.fetchval(query, *args)
        return value
