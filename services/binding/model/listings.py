"""Listings of bindings, a page at a time."""

from collections.abc import Sequence
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
