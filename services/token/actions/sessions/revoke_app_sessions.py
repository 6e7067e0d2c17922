"""RevokeAppSessions: all of an app's are over, by its one row."""

from services.runtime.auth import ROLES, Principal
from services.runtime.errors import PermissionDenied
from services.token.errors import NotFoundApp
from services.token.model import endable_roles
from services.token.resources import Resources


async def revoke_app_sessions(resources: Resources, caller: Principal, *, client_id: str) -> None:
    """End all sessions that an app of the caller's domain began until now, and revoke its access tokens. Idempotent.

    Raises:
        NotFoundApp: the domain has no such app.
        PermissionDenied: a user calls who is no superadmin: some of the sessions may be those of one.
    """
    if len(endable_roles(caller)) < len(ROLES):
        raise PermissionDenied(detail=f"{caller.kind} {caller.subject} ends no session of a superadmin's")
    async with resources.store.transaction() as store:
        done = await store.revoke_app_sessions(
            caller.domain_id,
            client_id,
            actor=caller.responsible,
            now=resources.clock.now(),
            event_id=resources.new_id(),
        )
        if not done:
            raise NotFoundApp
        await store.notify_change("app", client_id)
    resources.directory.forget_app(client_id)
