"""ListUsers: a domain's users, a page at a time."""

from services.runtime.auth import Principal
from services.token.model import Profile
from services.token.resources import Resources


async def list_users(
    resources: Resources, caller: Principal, *, after: str, limit: int
) -> tuple[list[Profile], str | None]:
    """Users of the caller's domain in the order of their ids.

    Args:
        resources: the service's.
        caller: who asks.
        after: the id after which the page begins; empty: with the first.
        limit: users at the most, from 1 on.

    Returns:
        The users, and the id after which the next page begins; `None` after the last.
    """
    # One more than is answered tells whether there is a next page.
    found = await resources.store.select_profiles(caller.domain_id, after, limit + 1)
    page = found[:limit]
    return page, page[-1].user_id if len(found) > limit else None
