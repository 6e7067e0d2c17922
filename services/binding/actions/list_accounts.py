"""ListAccounts: the accounts of tokens, a page at a time."""

from collections.abc import Sequence

from services.binding.model import Page, Place
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
    # One more than is answered tells whether there is a next page.
    found = await resources.store.select_accounts(
        push_app.access_id, tokens[begun.entry :], after=begun.key, limit=limit + 1
    )
    bindings = [binding for _, binding in found[:limit]]
    following = (
        Place(begun.entry + found[limit - 1][0], bindings[-1].account.account_type) if len(found) > limit else None
    )
    return Page(bindings, following)
