"""All that there is of a user: what is ordered of token, and under what binding may hold a user."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

OPEN_ACCOUNT = "open_account"
"""In place of the type of an identity: that of an open account, which is its provider's."""

# Types of accounts as the vendor's clients bind them; 0: an app that names none.
_DEFAULT, _WECHAT_UNION_ID, _MOBILE, _WECHAT_OPEN_ID, _EMAIL = 0, 999, 1002, 1003, 1005
_TYPES = {"wechat": (_WECHAT_UNION_ID, _WECHAT_OPEN_ID), "mobile": (_MOBILE,), "email": (_EMAIL,)}
# What binding takes.
_SHORTEST, _LONGEST = 2, 255


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done at token about a user; `version` tells it from a later order of the same kind.

    Kind `end_sessions`: nothing that the user had goes on. Kind `end_browsers`: nothing that was begun in a browser
    that was logged off. Kind `erase`: the user is gone, where its role is one of `roles` and it was not made after
    `ordered_at`. The `actor` is who ordered it.
    """

    domain_id: str
    user_id: str
    kind: Literal["end_sessions", "end_browsers", "erase"]
    version: uuid.UUID
    actor: str
    ordered_at: datetime
    roles: tuple[str, ...] = ()
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class KnownIdentity:
    """An identity of a user, of a type of `TYPES`: as it is compared, and as it was given.

    Of type `OPEN_ACCOUNT`: our id of an open account, and its provider's.
    """

    type: str
    key: str
    given: str


@dataclass(frozen=True, slots=True)
class PendingProof:
    """A proof that may still be presented, `code` or `ticket`, of an identity as it is compared; never its secret."""

    proof_id: uuid.UUID
    kind: str
    type: str
    key: str
    expires_at: datetime
    wrong_tries: int


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """What became of a link: `linked` or `unlinked`, and whose deed it was."""

    event_id: uuid.UUID
    kind: str
    type: str
    identity: str
    extra: str
    actor: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge moved."""

    links: int
    open_accounts: int


@dataclass(frozen=True, slots=True, order=True)
class BoundAccount:
    """An account under which a push app may have bound devices."""

    access_id: int
    account_type: int
    account: str


def bound_accounts(user_id: str, identities: Iterable[KnownIdentity], access_ids: Iterable[int]) -> list[BoundAccount]:
    """Under what a domain's push apps may have bound a user's devices, in order.

    Args:
        user_id: the user.
        identities: all that are known of it.
        access_ids: the push apps.
    """
    accounts = {(_DEFAULT, user_id)}
    for identity in identities:
        accounts.update(_accounts(identity))
    return sorted(
        BoundAccount(access_id, *account)
        for access_id in access_ids
        for account in accounts
        if _SHORTEST <= len(account[1]) <= _LONGEST
    )


def _accounts(identity: KnownIdentity) -> Iterator[tuple[int, str]]:
    if identity.type == OPEN_ACCOUNT:
        yield _DEFAULT, identity.given
        return
    texts = {identity.key, identity.given.strip()}
    for text in texts:
        yield _DEFAULT, text
        # The vendor's numbers are in E.164, as their keys are.
        if identity.type != "mobile" or text == identity.key:
            yield from ((account_type, text) for account_type in _TYPES.get(identity.type, ()))
