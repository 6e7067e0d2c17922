"""DeleteUser: a user is gone, also from the audit log; what happened stays there."""

from services.runtime.auth import Principal, reachable_roles
from services.token.actions.users.verdicts import refuse
from services.token.resources import Resources


async def delete_user(resources: Resources, caller: Principal, *, user_id: str, etag: str) -> None:
    """Delete a user of the caller's domain with its sessions and codes; `etag` as in `update_user`.

    Raises:
        NotFoundUser, PermissionDenied, EtagMismatch, LastSuperadmin: as the RPC says.
    """
    verdict = await resources.store.delete_user(
        caller.domain_id,
        user_id,
        etag=etag,
        roles=reachable_roles(caller),
        pseudonym=resources.vault.pseudonym(caller.domain_id, user_id),
        actor=caller.responsible,
        now=resources.clock.now(),
        event_id=resources.new_id(),
    )
    if verdict != "deleted":
        raise refuse(verdict, caller)
