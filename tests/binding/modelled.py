"""What bindings are to be after a call: the rules, without a database."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Account = tuple[str, int]
Entries = Sequence[tuple[str, Sequence[Account]]]
Bound = tuple[tuple[tuple[str, int], str], ...]
"""Each token and type with its account's name, the least recently bound first."""


@dataclass(frozen=True)
class Call:
    """A call: operator 1 to 5, what it lists, and whether the push app adds by operator 1."""

    operator: int
    listed: Sequence[object]
    adds: bool = False


def after(call: Call, before: Bound, cap: int) -> Bound:
    """What is bound after a call, where an account may have so many tokens."""
    bound = dict(before)

    def keep(wanted: Callable[[str, Account], bool]) -> None:
        for (token, kind), name in list(bound.items()):
            if not wanted(token, (name, kind)):
                del bound[token, kind]

    match call.operator:
        case 1 | 2:
            for token, accounts in call.listed:
                if call.operator == 2 or not call.adds:
                    keep(lambda t, _, token=token: t != token)
                for name, kind in accounts:
                    bound.pop((token, kind), None)
                    bound[token, kind] = name
            for account in accounts_in(call.listed):
                for key in [(t, kind) for (t, kind), name in bound.items() if (name, kind) == account][:-cap]:
                    del bound[key]
        case 3:
            named = {(token, account) for token, accounts in call.listed for account in accounts}
            keep(lambda token, account: (token, account) not in named)
        case 4:
            keep(lambda token, _: token not in call.listed)
        case 5:
            keep(lambda _, account: account not in call.listed)
    return tuple(bound.items())


def accounts_in(listed: Iterable[tuple[str, Sequence[Account]]]) -> set[Account]:
    """The accounts that entries name."""
    return {account for _, accounts in listed for account in accounts}
