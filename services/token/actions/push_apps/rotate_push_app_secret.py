"""RotatePushAppSecret: a new secret in place of the old one."""

from services.runtime.auth import Principal
from services.token.actions.phases.requests import once
from services.token.errors import NotFoundPushApp
from services.token.events import EventName
from services.token.model import PUSH_PERMISSIONS, Event, check_permissions
from services.token.records import RequestId
from services.token.resources import Resources
from services.token.secret import new_secret
from services.token.store import Statements


async def rotate_push_app_secret(
    resources: Resources, caller: Principal, *, access_id: int, request: RequestId | None
) -> str:
    """Replace the secret of a push app of the caller's domain, and answer the new one.

    Raises:
        PermissionDenied: the caller may not bind, and could by the secret.
        NotFoundPushApp: the domain has no such push app.
        FieldInvalid: a request id of another call.
    """
    check_permissions(caller, PUSH_PERMISSIONS)

    async def make(store: Statements) -> tuple[str, ...]:
        domain_id, secret = caller.domain_id, new_secret()
        sealed = resources.vault.seal(secret.encode(), f"{domain_id}/{access_id}")
        if not await store.update_push_app_secret(domain_id, access_id, sealed, resources.clock.now()):
            raise NotFoundPushApp
        await store.notify_change("push_app", str(access_id))
        await store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName.PUSH_APP_SECRET_ROTATED,
                str(access_id),
                actor=caller.responsible,
            )
        )
        return (secret,)

    (secret,) = await once(resources, caller.domain_id, request, make)
    return secret
