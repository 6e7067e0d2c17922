"""Users of token, as far as account follows what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class UserEventKind(Enum):
    """What became of a user, as far as account cares."""

    CREATED = "created"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, order=True)
class UserId:
    """A user of any domain."""

    domain_id: str
    user_id: str


NOBODY = UserId("", "")
"""Before every user, in their order."""


@dataclass(frozen=True, slots=True)
class UserNews:
    """What token tells at once: what happened, in its order; and the cursor behind all of it."""

    events: Sequence[tuple[UserId, UserEventKind]]
    cursor: str
