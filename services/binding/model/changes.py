"""What is to become of bindings, and how it is parted where it is too much for one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from services.binding.model.bindings import Account, TokenAccounts

WEIGHT_OF_A_PART = 100
"""What a transaction of one call takes, about: locks, which live in memory that all share, or rows by the hundred."""
_ROWS_OF_A_LOCK = 100


class Kind(StrEnum):
    """What is done: replace the accounts of tokens, of every type, by those named; add to them; unbind."""

    REPLACE = "replace"
    ADD = "add"
    UNBIND = "unbind"


class Row(NamedTuple):
    """A binding. Of what is unbound: no account is all of the token's, no token all of the account's."""

    token: str | None
    account: Account | None


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done.

    Args:
        kind: what.
        units: rows that are never parted: of one entry, all that it binds to its token; else a row each.
    """

    kind: Kind
    units: Sequence[tuple[Row, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a change, in one transaction. Parts of several calls may share it.

    Args:
        access_id: the push app.
        cap: tokens that an account may have; beyond it the least recently bound are unbound.
        operation_id: of the call.
        kind: what is done.
        units: what with.
    """

    access_id: int
    cap: int
    operation_id: UUID
    kind: Kind
    units: Sequence[tuple[Row, ...]]

    @property
    def weight(self) -> int:
        """How much it asks of the database, as `WEIGHT_OF_A_PART` counts."""
        return sum(_weight(unit, self.cap) for unit in self.units)

    @property
    def rows(self) -> Iterable[Row]:
        """All of its rows."""
        return chain.from_iterable(self.units)


@dataclass(frozen=True, slots=True)
class Once:
    """What tells a call that may be made again.

    Args:
        request_id: the id that its caller made up.
        digest: SHA-256 of what else it asked.
        named: what the caller calls the id.
    """

    request_id: UUID
    digest: bytes
    named: str = "request_id"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to: the id by which the feed tells of it, and the vendor's code of each entry, in order."""

    operation_id: UUID
    codes: Sequence[str]


def bound(kind: Kind, entries: Sequence[TokenAccounts]) -> Change:
    """What is bound when the entries take effect one after the other: each token and type once, as named last.

    Args:
        kind: `REPLACE` or `ADD`: whether a later entry of a token replaces the earlier one, or adds to it.
        entries: as requested.

    Returns:
        The change, in the order of the entries: what stands at its end will be the most recently bound.
    """
    units: list[tuple[Row, ...]] = []
    tokens: set[str] = set()
    named: set[tuple[str, int]] = set()
    for entry in reversed(entries):
        if kind is Kind.REPLACE and entry.token in tokens:
            continue
        tokens.add(entry.token)
        unit: list[Row] = []
        for account in reversed(entry.accounts):
            if (entry.token, account.account_type) not in named:
                named.add((entry.token, account.account_type))
                unit.append(Row(entry.token, account))
        if unit:
            units.append(tuple(reversed(unit)))
    return Change(kind, units[::-1])


def unbound(rows: Iterable[Row]) -> Change:
    """What is unbound, each row once."""
    return Change(Kind.UNBIND, [(row,) for row in dict.fromkeys(rows)])


def parts(change: Change, cap: int) -> list[Sequence[tuple[Row, ...]]]:
    """Split a change into runs of units that weigh at most `WEIGHT_OF_A_PART`, or are a single unit.

    Args:
        change: what is to be done.
        cap: tokens that an account may have.
    """
    made: list[Sequence[tuple[Row, ...]]] = []
    part: list[tuple[Row, ...]] = []
    weight = 0
    for unit in change.units:
        more = _weight(unit, cap)
        if part and weight + more > WEIGHT_OF_A_PART:
            made.append(part)
            part, weight = [], 0
        part.append(unit)
        weight += more
    return [*made, part] if part else made


def _weight(unit: tuple[Row, ...], cap: int) -> int:
    of_tokens = unit[0].token is not None
    # An account by itself loses all of its tokens.
    of_accounts = 1 if of_tokens else max(1, cap // _ROWS_OF_A_LOCK)
    return of_tokens + of_accounts * sum([row.account is not None for row in unit])
