"""Bindings of one push app, changed and looked up without gRPC: as one process of the service does it."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.binding.changes import Changes
from services.binding.model import Account, Change, Kind, Once, Outcome, Row, TokenAccounts, bound, unbound
from services.binding.store import Store
from services.runtime.auth import PushApp
from services.runtime.clock import Clock
from services.runtime.ids import uuid7

APP = 1500001048


@dataclass(frozen=True)
class Replica:
    """A process of the service: calls of one share transactions, calls of several meet in the database.

    Args:
        store: its statements.
        changes: its changes.
        cap: of the push app.
    """

    store: Store
    changes: Changes
    cap: int = 100

    async def apply(self, change: Change, once: Once | None = None, codes: Sequence[str] = ()) -> Outcome:
        """Make a change."""
        outcome = Outcome(uuid7(Clock().now()), codes)
        return await self.changes.apply(PushApp(APP, self.cap, append_enabled=True), change, outcome, once)

    async def overwrite(self, *entries: TokenAccounts) -> None:
        """Replace the accounts of tokens."""
        await self.apply(bound(Kind.REPLACE, entries))

    async def add(self, *entries: TokenAccounts) -> None:
        """Add to the accounts of tokens."""
        await self.apply(bound(Kind.ADD, entries))

    async def unbind(self, *entries: TokenAccounts) -> None:
        """Unbind tokens from the accounts listed."""
        await self.apply(unbound(Row(entry.token, account) for entry in entries for account in entry.accounts))

    async def clear_tokens(self, tokens: Sequence[str]) -> None:
        """Unbind tokens from all accounts."""
        await self.apply(unbound(Row(token, None) for token in tokens))

    async def clear_accounts(self, accounts: Sequence[Account]) -> None:
        """Unbind accounts from all tokens."""
        await self.apply(unbound(Row(None, account) for account in accounts))

    async def tokens(self, account: Account) -> tuple[str, ...]:
        """The tokens of an account, the most recently bound first."""
        found = await self.store.select_tokens(APP, [account], limit=10_000)
        return tuple(binding.token for _, binding in found)

    async def accounts(self, token: str) -> tuple[Account, ...]:
        """The accounts of a token, by type."""
        found = await self.store.select_accounts(APP, [token], limit=100_000)
        return tuple(binding.account for _, binding in found)


def entry(token: str, *accounts: Account) -> TokenAccounts:
    """A token with accounts."""
    return TokenAccounts(token, accounts)
