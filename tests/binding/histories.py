"""Histories of calls, and whether some order of them explains what is bound at the end."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.binding.modelled import Account, Bound, Call, after


@dataclass(frozen=True)
class Made:
    """A call that was answered: what it was, and between which moments it took effect."""

    call: Call
    begun: float
    answered: float


class TooMany(Exception):
    """No answer was found in as many steps as are taken."""


def explained(history: Sequence[Made], found: Bound, cap: int, *, steps: int = 200_000) -> bool:
    """Whether some order of the calls, beginning with nothing, leaves what was found.

    An order is one that they may have taken effect in: what was answered before another call began comes before it.

    Args:
        history: the calls.
        found: each token and type with its account, the least recently bound of an account first.
        cap: tokens of an account.
        steps: to search at the most.

    Raises:
        TooMany: that was not enough.
    """
    wanted = told(found)
    seen: set[tuple[frozenset[int], object]] = set()
    waiting: list[tuple[frozenset[int], Bound]] = [(frozenset(range(len(history))), ())]
    while waiting:
        left, bound = waiting.pop()
        if not left:
            if told(bound) == wanted:
                return True
            continue
        # What is the same to all calls that may follow is looked at once.
        if (left, told(bound)) in seen:
            continue
        seen.add((left, told(bound)))
        if len(seen) > steps:
            raise TooMany
        first_answer = min(history[number].answered for number in left)
        # What was answered first is the likeliest to have come first.
        waiting.extend(
            (left - {number}, after(history[number].call, bound, cap))
            for number in sorted(left, key=lambda number: -history[number].answered)
            if history[number].begun <= first_answer
        )
    return False


def told(bound: Bound) -> frozenset[tuple[Account, tuple[str, ...]]]:
    """All of it that a caller can see: who has what, and of each account which token was bound before which."""
    tokens: dict[Account, tuple[str, ...]] = {}
    for (token, kind), name in bound:
        tokens[name, kind] = (*tokens.get((name, kind), ()), token)
    return frozenset(tokens.items())
