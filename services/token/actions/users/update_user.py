"""UpdateUser: what a request has of a user, and nothing else of it."""

from services.runtime.auth import Principal, reachable_roles
from services.runtime.errors import PermissionDenied
from services.token.actions.users.verdicts import refuse
from services.token.model import Profile, UserChange, check_role
from services.token.resources import Resources


async def update_user(
    resources: Resources, caller: Principal, *, user_id: str, change: UserChange, etag: str
) -> Profile:
    """Change a user of the caller's domain; `etag` is of the state that is meant, empty: of any.

    Its sessions, the audit log, the feed and the revocations are written in the same transaction.

    Raises:
        NotFoundUser, PermissionDenied, EtagMismatch, LastSuperadmin: as the RPC says.
    """
    if change.role:
        check_role(caller, change.role)
        # Nobody raises himself, nor has it done by who impersonates him.
        if caller.impersonator and caller.subject == user_id:
            raise PermissionDenied(detail=f"{caller.impersonator} impersonates {user_id}, whose role it is")
    verdict, profile = await resources.store.update_user(
        caller.domain_id,
        user_id,
        change,
        etag=etag,
        roles=reachable_roles(caller),
        actor=caller.responsible,
        now=resources.clock.now(),
        event_id=resources.new_id(),
    )
    if profile is None:
        raise refuse(verdict, caller)
    return profile
