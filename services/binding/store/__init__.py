"""The binding service's statements, a module a noun: one method each, of the same name as in the SQL file beside it.

Rows become dataclasses here. Each is one round trip, and takes effect whole or not at all.
"""

from datetime import timedelta

from services.binding.store.changes import Changes
from services.binding.store.lookups import Lookups
from services.runtime.partitions import Partitioned

_DAY = timedelta(days=1)

PARTITIONED = (
    # Two days longer than a cursor lives: a call that is made again tells by the id of its first time, a day old.
    Partitioned("binding.change", "uuid7", span=_DAY, keep=9 * _DAY),
    # A day longer than an id may be used.
    Partitioned("binding.request", "uuid7", span=_DAY, keep=2 * _DAY, late=_DAY),
)
"""Tables whose rows expire, and how long each part of them is kept."""


class Store(Changes, Lookups):
    """All of them."""
