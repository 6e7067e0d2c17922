"""What is bound."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from services.binding.model import Account, Binding
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))

NEWEST = 2**63 - 1
"""Comes after any `op`."""


class Lookups(Section):
    """What is bound. Each method is one statement, hence one moment for all that it answers."""

    async def select_tokens(
        self, access_id: int, accounts: Sequence[Account], *, before: int = NEWEST, limit: int
    ) -> list[tuple[int, Binding]]:
        """The tokens of accounts, by account in the order asked, the most recently bound first.

        Args:
            access_id: the push app.
            accounts: whose; one that stands twice is answered twice.
            before: an `op`; the first account's tokens begin with those bound before it.
            limit: bindings at the most.

        Returns:
            Each with its account's place in `accounts`, from 0.
        """
        types, names = [account.account_type for account in accounts], [account.account for account in accounts]
        return await self._placed(_SQL["select_tokens"], access_id, types, names, before, limit)

    async def select_accounts(
        self, access_id: int, tokens: Sequence[str], *, after: int = -1, limit: int
    ) -> list[tuple[int, Binding]]:
        """The accounts of tokens, by token in the order asked, by type.

        Args:
            access_id: the push app.
            tokens: whose; one that stands twice is answered twice.
            after: a type; the first token's accounts begin with the types after it.
            limit: bindings at the most.

        Returns:
            Each with its token's place in `tokens`, from 0.
        """
        return await self._placed(_SQL["select_accounts"], access_id, tokens, after, limit)

    async def select_bindings(self, access_id: int, after: tuple[str, int], limit: int) -> list[Binding]:
        """The bindings of a push app after a token and type, by these, at most `limit`."""
        return [_binding(row) for row in await self._database.fetch(_SQL["select_bindings"], access_id, *after, limit)]

    async def _placed(self, query: str, *args: Any) -> list[tuple[int, Binding]]:
        return [(row["place"] - 1, _binding(row)) for row in await self._database.fetch(query, *args)]


def _binding(row: Any) -> Binding:
    return Binding(row["token"], Account(row["account_type"], row["account"]), row["bound_at"], row["op"])
