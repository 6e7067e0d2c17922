"""CheckUsers: which of some users are not there."""

from collections.abc import Sequence

from services.runtime.auth import Principal
from services.runtime.errors import PermissionDenied
from services.token.feeds import may_ask_of
from services.token.resources import Resources


async def check_users(resources: Resources, caller: Principal, *, domain_id: str, user_ids: Sequence[str]) -> list[str]:
    """Those of some ids that are no user's in a domain; empty where all are. One statement.

    Raises:
        PermissionDenied: another domain than the caller's, of which it is not told.
    """
    if not may_ask_of(caller, domain_id):
        raise PermissionDenied(detail=f"{caller.client_id} asks for users of {domain_id}")
    return await resources.store.select_unknown_users(domain_id, user_ids)
