"""SetUserStatus: whether a user may have tokens."""

from services.runtime.auth import Principal
from services.token.errors import NotFoundUser
from services.token.resources import Resources


async def set_user_status(resources: Resources, caller: Principal, *, user_id: str, status: str) -> None:
    """Enable or disable a user of the caller's domain, with its sessions, at once. Idempotent.

    The access tokens of a disabled one are good no longer, in every service within a second.

    Raises:
        NotFoundUser: the domain has no such user.
    """
    done = await resources.store.set_user_status(caller.domain_id, user_id, status, caller.subject, resources.new_id())
    if not done:
        raise NotFoundUser
    resources.feeds.wake()
