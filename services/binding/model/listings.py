"""Listings of bindings, a page at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.binding.model.bindings import Binding


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: behind a binding of one of the entries that are asked for.

    Args:
        entry: which entry, from 0.
        key: of that binding, by which those of an entry are ordered: its `op` or its type.
    """

    entry: int
    key: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the bindings of entries that are asked for.

    Args:
        bindings: of it.
        following: where the next one begins; `None`: this is the last one.
    """

    bindings: Sequence[Binding]
    following: Place | None


def page_of(found: Sequence[tuple[int, Binding]], begun: Place, limit: int, key: Callable[[Binding], int]) -> Page:
    """The page that begins at a place.

    Args:
        found: its bindings, each with its entry's place behind the one where the page begins; one more than is shown
            tells that there is a next page.
        begun: where it begins.
        limit: bindings of it at the most.
        key: of a binding, by which those of an entry are ordered.
    """
    bindings = [binding for _, binding in found[:limit]]
    if len(found) <= limit:
        return Page(bindings, None)
    return Page(bindings, Place(begun.entry + found[limit - 1][0], key(bindings[-1])))
