"""What the vendor's calls ask for, entry by entry, of which some may be none."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from services.binding.model.bindings import Account, TokenAccounts

T = TypeVar("T")


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
