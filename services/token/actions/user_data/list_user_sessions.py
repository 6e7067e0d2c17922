"""ListUserSessions: what a user is signed in with."""

from services.token.actions.sessions.list_sessions import NEWEST
from services.token.model import OpenSession
from services.token.resources import Resources

_LIMIT = 100


async def list_user_sessions(resources: Resources, *, domain_id: str, user_id: str) -> list[OpenSession]:
    """The sessions of a user that may still be refreshed, the newest first, 100 at the most.

    Args:
        resources: the parts of the service.
        domain_id: the user's.
        user_id: the user; who is not there has none.
    """
    return await resources.store.select_sessions_of_user(
        domain_id, user_id, "", before=NEWEST, now=resources.clock.now(), limit=_LIMIT
    )
