"""QueryAccounts: the tokens of accounts, or the accounts of tokens."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from services.binding.errors import NothingBound
from services.binding.model import AccountsOf, AccountTokens, Code, Failed, Query, TokenAccounts, TokensOf, good
from services.binding.store import Store
from services.runtime.auth import PushApp

Asked = TypeVar("Asked")
Held = TypeVar("Held")
Found = TypeVar("Found")


async def query_accounts(
    store: Store, push_app: PushApp, *, query: Query
) -> Sequence[AccountTokens | TokenAccounts | Failed]:
    """Find what is bound to each account or token. One statement, hence one moment for all of them.

    Args:
        store: where bindings are.
        push_app: the caller's.
        query: what is asked.

    Returns:
        What was found of each entry, in the order of the request.

    Raises:
        NothingBound: nothing at all was found.
    """
    access_id = push_app.access_id
    found: Sequence[AccountTokens | TokenAccounts | Failed]
    match query:
        case TokensOf(accounts):
            found = _answered(accounts, await store.list_tokens(access_id, good(accounts)), AccountTokens)
        case AccountsOf(tokens):
            found = _answered(tokens, await store.list_accounts(access_id, good(tokens)), TokenAccounts)
    if all(isinstance(entry, Failed) for entry in found):
        raise NothingBound
    return found


def _answered(
    entries: Sequence[Asked | Failed],
    answers: Sequence[tuple[Held, ...]],
    make: Callable[[Asked, tuple[Held, ...]], Found],
) -> list[Found | Failed]:
    """Each entry with its answer; the answers are those of the entries that had not failed, in their order."""
    waiting = iter(answers)
    found: list[Found | Failed] = []
    for entry in entries:
        if isinstance(entry, Failed):
            found.append(entry)
        elif held := next(waiting):
            found.append(make(entry, held))
        else:
            found.append(Failed(Code.NOTHING_BOUND))
    return found
