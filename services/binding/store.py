"""The binding service's statements: one method each, bearing the name that it has in queries.sql.

A change that needs many locks runs as several calls of its function, one after the other, each committed before the
next: what is named together for one token is never parted.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import asyncpg

from services.binding.model import Account, TokenAccounts, batches
from services.runtime.db import Database
from services.runtime.sql import load_queries

T = TypeVar("T")

_SQL = load_queries(Path(__file__).with_name("queries.sql"))


class Store:
    """Bindings in Postgres. Every method raises `Unavailable` and `Overloaded`; a change that raises may be repeated.

    Args:
        database: the service's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def overwrite_accounts(
        self, access_id: int, cap: int, now: datetime, entries: Sequence[TokenAccounts]
    ) -> None:
        """Replace the accounts of each token by those listed.

        Args:
            access_id: the push app.
            cap: tokens that an account may have; beyond it the least recently bound are unbound.
            now: when.
            entries: each token once, one account of a type.
        """
        await self._in_batches(
            entries,
            _keys,
            lambda batch: self._database.execute(_SQL["overwrite_accounts"], access_id, cap, now, *_columns(batch)),
        )

    async def add_accounts(self, access_id: int, cap: int, now: datetime, entries: Sequence[TokenAccounts]) -> None:
        """Bind each token to the accounts listed; each replaces that of the same type. Arguments as above."""
        await self._in_batches(
            entries,
            _keys,
            lambda batch: self._database.execute(_SQL["add_accounts"], access_id, cap, now, *_columns(batch)),
        )

    async def unbind_accounts(self, access_id: int, entries: Sequence[TokenAccounts]) -> None:
        """Unbind each token from the accounts listed, as far as it is bound to them."""
        await self._in_batches(
            entries,
            _keys,
            lambda batch: self._database.execute(_SQL["unbind_accounts"], access_id, *_columns(batch)),
        )

    async def clear_tokens(self, access_id: int, tokens: Sequence[str]) -> None:
        """Unbind each token from all its accounts."""
        await self._in_batches(
            tokens,
            _one_key,
            lambda batch: self._database.execute(_SQL["clear_tokens"], access_id, batch),
        )

    async def clear_accounts(self, access_id: int, accounts: Sequence[Account]) -> None:
        """Unbind each account from all its tokens."""
        await self._in_batches(
            accounts,
            _one_key,
            lambda batch: self._database.execute(_SQL["clear_accounts"], access_id, *_account_columns(batch)),
        )

    async def list_tokens(self, access_id: int, accounts: Sequence[Account]) -> list[tuple[str, ...]]:
        """The tokens of each account, the most recently bound first; empty where it has none."""
        rows = await self._database.fetch(_SQL["list_tokens"], access_id, *_account_columns(accounts))
        return [tuple(row["tokens"]) for row in rows]

    async def list_accounts(self, access_id: int, tokens: Sequence[str]) -> list[tuple[Account, ...]]:
        """The accounts of each token, by type; empty where it has none."""
        rows = await self._database.fetch(_SQL["list_accounts"], access_id, tokens)
        return [tuple(map(Account, row["types"] or (), row["accounts"] or ())) for row in rows]

    @staticmethod
    async def _in_batches(
        items: Sequence[T], keys: Callable[[T], int], run: Callable[[list[T]], Awaitable[object]]
    ) -> None:
        waiting = deque(batches(items, keys))
        while waiting:
            batch = waiting.popleft()
            try:
                await run(batch)
            except asyncpg.ProgramLimitExceededError:
                if len(batch) == 1:
                    raise
                # Its tokens hold so many accounts that the function would not lock them all at once. A single token
                # is never refused so.
                middle = len(batch) // 2
                waiting.extendleft((batch[middle:], batch[:middle]))


def _keys(entry: TokenAccounts) -> int:
    return 1 + len(entry.accounts)


def _one_key(_item: object) -> int:
    return 1


def _columns(entries: Sequence[TokenAccounts]) -> tuple[list[str], list[int], list[str]]:
    """A row each binding."""
    rows = [(entry.token, account) for entry in entries for account in entry.accounts]
    return [token for token, _ in rows], *_account_columns([account for _, account in rows])


def _account_columns(accounts: Sequence[Account]) -> tuple[list[int], list[str]]:
    return [account.account_type for account in accounts], [account.account for account in accounts]
