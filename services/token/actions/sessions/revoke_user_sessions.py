"""RevokeUserSessions: all of a user's are over."""

from services.runtime.auth import Principal
from services.token.actions.users.verdicts import refuse
from services.token.model import endable_roles
from services.token.resources import Resources


async def revoke_user_sessions(resources: Resources, caller: Principal, *, user_id: str) -> int:
    """End all sessions of a user of the caller's domain, and revoke all access tokens of that user. Idempotent.

    Returns:
        How many sessions were going on.

    Raises:
        NotFoundUser, PermissionDenied: as the RPC says.
    """
    verdict, revoked = await resources.store.revoke_user_sessions(
        caller.domain_id,
        user_id,
        roles=endable_roles(caller),
        actor=caller.responsible,
        now=resources.clock.now(),
        event_id=resources.new_id(),
    )
    if verdict != "revoked":
        raise refuse(verdict, caller)
    return revoked
