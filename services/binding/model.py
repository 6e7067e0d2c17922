"""Tokens, accounts and what is asked to be done with them; the rules that need no database."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

KEYS_PER_CALL = 100
"""Locks that one function call takes, about: they live in memory that all calls share."""


class Code(StrEnum):
    """What became of one entry of a request, as the vendor says it."""

    OK = "0"
    BAD_TOKEN = "1008006"  # noqa: S105 a code, not a secret
    BAD_ACCOUNT = "1008007"
    NOTHING_BOUND = "10110008"


@dataclass(frozen=True, slots=True)
class Failed:
    """An entry that came to nothing, and why."""

    code: Code


@dataclass(frozen=True, slots=True)
class Account:
    """An account and its type, which together say who it is."""

    account_type: int
    account: str


@dataclass(frozen=True, slots=True)
class TokenAccounts:
    """A device token with accounts."""

    token: str
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class AccountTokens:
    """An account with its device tokens, the most recently bound first."""

    account: Account
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bind:
    """Operators 1 and 2. `may_add`: add the accounts, where the push app is set up so, instead of replacing."""

    entries: Sequence[TokenAccounts | Failed]
    may_add: bool


@dataclass(frozen=True, slots=True)
class Unbind:
    """Operator 3."""

    entries: Sequence[TokenAccounts | Failed]


@dataclass(frozen=True, slots=True)
class ClearTokens:
    """Operator 4."""

    entries: Sequence[str | Failed]


@dataclass(frozen=True, slots=True)
class ClearAccounts:
    """Operator 5."""

    entries: Sequence[Account | Failed]


Operation = Bind | Unbind | ClearTokens | ClearAccounts


@dataclass(frozen=True, slots=True)
class TokensOf:
    """Query operator 1."""

    entries: Sequence[Account | Failed]


@dataclass(frozen=True, slots=True)
class AccountsOf:
    """Query operator 2."""

    entries: Sequence[str | Failed]


Query = TokensOf | AccountsOf


def good(entries: Iterable[T | Failed]) -> list[T]:
    """The entries that did not fail, in their order."""
    return [entry for entry in entries if not isinstance(entry, Failed)]


def code_of(entry: object) -> Code:
    """The code of an entry."""
    return entry.code if isinstance(entry, Failed) else Code.OK


def bound_by(entries: Iterable[TokenAccounts], *, adds: bool) -> list[TokenAccounts]:
    """What is bound when the entries take effect one after the other: each token once, one account of a type.

    Args:
        entries: as requested.
        adds: whether a later entry of a token adds to the earlier one, or replaces it.

    Returns:
        Tokens and accounts, what was named last at the end: it is to be the most recently bound.
    """
    tokens: dict[str, dict[int, Account]] = {}
    for entry in entries:
        earlier = tokens.pop(entry.token, {})
        accounts = tokens[entry.token] = earlier if adds else {}
        for account in entry.accounts:
            accounts.pop(account.account_type, None)
            accounts[account.account_type] = account
    return [TokenAccounts(token, tuple(accounts.values())) for token, accounts in tokens.items()]


def unbound_by(entries: Iterable[TokenAccounts]) -> list[TokenAccounts]:
    """What is unbound when the entries take effect one after the other: each token once, each of its accounts once."""
    tokens: dict[str, dict[Account, None]] = {}
    for entry in entries:
        tokens.setdefault(entry.token, {}).update(dict.fromkeys(entry.accounts))
    return [TokenAccounts(token, tuple(accounts)) for token, accounts in tokens.items()]


def batches(items: Iterable[T], keys: Callable[[T], int]) -> Iterator[list[T]]:
    """Split items into runs that need at most `KEYS_PER_CALL` locks, or hold a single item.

    Args:
        items: in any order, which is kept.
        keys: how many locks an item needs.
    """
    batch: list[T] = []
    held = 0
    for item in items:
        needed = keys(item)
        if batch and held + needed > KEYS_PER_CALL:
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += needed
    if batch:
        yield batch
