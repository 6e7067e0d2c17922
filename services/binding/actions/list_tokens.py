"""ListTokens: the tokens of accounts, a page at a time."""

from collections.abc import Sequence

from services.binding.model import Account, Page, Place, page_of
from services.binding.resources import Resources
from services.binding.store.lookups import NEWEST
from services.runtime.auth import PushApp


async def list_tokens(
    resources: Resources, push_app: PushApp, *, accounts: Sequence[Account], after: Place | None, limit: int
) -> Page:
    """A page of the tokens of accounts. One statement.

    Args:
        resources: the service's parts.
        push_app: the caller's.
        accounts: whose, each once.
        after: where the page begins; `None`: it is the first.
        limit: bindings of it at the most.

    Returns:
        The bindings in the order of `accounts`, those of one the most recently bound first.
    """
    begun = after or Place(0, NEWEST)
    found = await resources.store.select_tokens(
        push_app.access_id, accounts[begun.entry :], before=begun.key, limit=limit + 1
    )
    return page_of(found, begun, limit, lambda last: last.op)
