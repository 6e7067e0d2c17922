"""GetUserInfo: who the user is that an access token speaks for (OpenID Connect Core section 5.3)."""

from uuid import UUID

from services.runtime.auth import Principal
from services.runtime.errors import PermissionDenied, Unauthenticated
from services.token.model import UserInfo
from services.token.resources import Resources


async def get_user_info(resources: Resources, caller: Principal) -> UserInfo:
    """The caller, as the database has it now.

    Raises:
        PermissionDenied: the caller is no user.
        Unauthenticated: its session was revoked, or it is disabled.
    """
    if caller.kind != "user":
        raise PermissionDenied(detail=f"{caller.kind} {caller.subject} is no user")
    user = await resources.store.select_user_info(caller.domain_id, caller.subject, UUID(caller.session_id))
    if user is None:
        raise Unauthenticated(detail=f"user {caller.subject} or session {caller.session_id} is good no longer")
    return user
