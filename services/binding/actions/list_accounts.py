"""ListAccounts: the accounts of tokens, a page at a time."""

from collections.abc import Sequence

from services.binding.model import Page, Place, page_of
from services.binding.resources import Resources
from services.runtime.auth import PushApp


async def list_accounts(
    resources: Resources, push_app: PushApp, *, tokens: Sequence[str], after: Place | None, limit: int
) -> Page:
    """A page of the accounts of tokens. One statement.

    Args:
        resources: the service's parts.
        push_app: the caller's.
        tokens: whose, each once.
        after: where the page begins; `None`: it is the first.
        limit: bindings of it at the most.

    Returns:
        The bindings in the order of `tokens`, those of one by type.
    """
    begun = after or Place(0, -1)
    found = await resources.store.select_accounts(
        push_app.access_id, tokens[begun.entry :], after=begun.key, limit=limit + 1
    )
    return page_of(found, begun, limit, lambda last: last.account.account_type)
