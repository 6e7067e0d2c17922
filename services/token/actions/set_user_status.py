"""SetUserStatus: whether a user may have tokens."""

from services.runtime.auth import Principal
from services.token.actions.resources import Resources
from services.token.errors import UserNotFound


async def set_user_status(user_id: str, status: str, caller: Principal, resources: Resources) -> None:
    """Enable or disable a user of the caller's domain, with its sessions, at once. Idempotent.

    Raises:
        UserNotFound: the domain has no such user.
    """
    done = await resources.store.set_user_status(caller.domain_id, user_id, status, caller.subject, resources.new_id())
    if not done:
        raise UserNotFound
