"""QueryAccounts: the tokens of accounts, or the accounts of tokens."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from services.binding.errors import NothingBound
from services.binding.model import (
    AccountsOf,
    AccountTokens,
    Binding,
    Code,
    Failed,
    Query,
    TokenAccounts,
    TokensOf,
    good,
)
from services.binding.resources import Resources
from services.runtime.auth import PushApp
from services.runtime.errors import FieldInvalid

# In one answer: as much as 1,000 accounts with 100 tokens each.
_MOST_BINDINGS = 100_000


@dataclass(frozen=True, slots=True)
class Found:
    """What was found: a code for each entry of the query, and each account or token that was found, once."""

    codes: Sequence[Code]
    account_tokens: Sequence[AccountTokens] = ()
    token_accounts: Sequence[TokenAccounts] = ()


async def query_accounts(resources: Resources, push_app: PushApp, *, query: Query) -> Found:
    """Find what is bound to each account or token. One statement, hence one moment for all of them.

    Args:
        resources: the service's parts.
        push_app: the caller's.
        query: what is asked.

    Returns:
        What was found, in the order of the request. What stands in it twice is answered once.

    Raises:
        NothingBound: nothing at all was found.
        FieldInvalid: more than 100,000 bindings were found.
    """
    access_id, limit = push_app.access_id, _MOST_BINDINGS + 1
    match query:
        case TokensOf():
            accounts = list(dict.fromkeys(good(query.entries)))
            of_accounts = _grouped(
                "account_list", await resources.store.select_tokens(access_id, accounts, limit=limit)
            )
            found = Found(
                _codes(query.entries, {accounts[place] for place in of_accounts}),
                account_tokens=[
                    AccountTokens(accounts[place], tuple(binding.token for binding in bindings))
                    for place, bindings in of_accounts.items()
                ],
            )
        case AccountsOf():
            tokens = list(dict.fromkeys(good(query.entries)))
            of_tokens = _grouped("token_list", await resources.store.select_accounts(access_id, tokens, limit=limit))
            found = Found(
                _codes(query.entries, {tokens[place] for place in of_tokens}),
                token_accounts=[
                    TokenAccounts(tokens[place], tuple(binding.account for binding in bindings))
                    for place, bindings in of_tokens.items()
                ],
            )
    if not (found.account_tokens or found.token_accounts):
        raise NothingBound
    return found


def _grouped(field: str, placed: Sequence[tuple[int, Binding]]) -> dict[int, list[Binding]]:
    if len(placed) > _MOST_BINDINGS:
        raise FieldInvalid(field, f"What is asked for has more than {_MOST_BINDINGS} bindings. Ask for less at a time.")
    groups: dict[int, list[Binding]] = defaultdict(list)
    for place, binding in placed:
        groups[place].append(binding)
    return groups


def _codes(entries: Sequence[object], found: set[object]) -> list[Code]:
    return [
        entry.code if isinstance(entry, Failed) else Code.OK if entry in found else Code.NOTHING_BOUND
        for entry in entries
    ]
