"""ListSessions: what may still be refreshed, of a user or an app."""

from uuid import UUID

from services.runtime.auth import Principal
from services.token.model import OpenSession
from services.token.resources import Resources

# Sessions of the domain that one page of an app's reads: some tens of milliseconds.
_LOOK_AT = 10_000
NEWEST = UUID(int=2**128 - 1)
"""No session is before it in a listing."""


async def list_sessions(
    resources: Resources, caller: Principal, *, user_id: str, client_id: str, before: UUID | None, limit: int
) -> tuple[list[OpenSession], UUID | None]:
    """Sessions in the caller's domain, the newest first.

    Args:
        resources: the service's.
        caller: who asks.
        user_id: whose; empty: everybody's.
        client_id: with which app; empty: with any. Not both are empty.
        before: the session after which the page begins; `None`: with the newest.
        limit: sessions at the most, from 1 on.

    Returns:
        The sessions, and the session after which the next page begins; `None` after the last.
    """
    store, domain_id, now = resources.store, caller.domain_id, resources.clock.now()
    before, reached = before or NEWEST, None
    # One more than is answered tells whether there is a next page.
    if user_id:
        found = await store.select_sessions_of_user(
            domain_id, user_id, client_id, before=before, now=now, limit=limit + 1
        )
    else:
        found, reached = await store.select_sessions_of_app(
            domain_id, client_id, before=before, now=now, limit=limit + 1, look_at=_LOOK_AT
        )
    page = found[:limit]
    return page, page[-1].session_id if len(found) > limit else reached
