"""RevokeSession: one is over."""

from uuid import UUID

from services.runtime.auth import Principal
from services.token.actions.users.verdicts import refuse
from services.token.model import endable_roles
from services.token.resources import Resources


async def revoke_session(resources: Resources, caller: Principal, *, session_id: UUID) -> None:
    """End a session in the caller's domain, and revoke its access tokens. Idempotent.

    Raises:
        NotFoundSession, PermissionDenied: as the RPC says.
    """
    verdict = await resources.store.revoke_session(
        caller.domain_id,
        session_id,
        roles=endable_roles(caller),
        actor=caller.responsible,
        now=resources.clock.now(),
        event_id=resources.new_id(),
    )
    if verdict != "revoked":
        raise refuse(verdict, caller)
