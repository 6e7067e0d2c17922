"""Device tokens and accounts.

A call has many of the first two, and a named tuple is made several times as fast as a frozen dataclass.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Account(NamedTuple):
    """An account and its type, which together say who it is."""

    account_type: int
    account: str


class TokenAccounts(NamedTuple):
    """A device token with accounts."""

    token: str
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class AccountTokens:
    """An account with its device tokens, the most recently bound first."""

    account: Account
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Binding:
    """A device token bound to an account.

    Args:
        token: the device token.
        account: the account.
        bound_at: when it was last bound.
        op: orders the bindings of an account, the newest is the highest.
    """

    token: str
    account: Account
    bound_at: datetime
    op: int
