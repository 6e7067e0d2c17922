"""DisallowApp: takes an app's admission back."""

from services.runtime.auth import Principal
from services.token.errors import NotFoundApp
from services.token.events import EventName
from services.token.model import ID, Event
from services.token.resources import Resources


async def disallow_app(resources: Resources, caller: Principal, *, client_id: str) -> None:
    """Give an app of the caller's domain no token any more, and revoke those that are out. Idempotent.

    Its sessions stay, and go on where it is allowed again.

    Raises:
        NotFoundApp: the domain has no such app.
    """
    if not ID.fullmatch(client_id):
        raise NotFoundApp
    domain_id, now = caller.domain_id, resources.clock.now()
    async with resources.store.transaction() as store:
        changed = await store.update_app_admitted(domain_id, client_id, admitted=False, now=now)
        if changed is None:
            raise NotFoundApp
        if changed:
            await store.insert_revocation(domain_id, resources.new_id(), kind="app", subject=client_id, now=now)
            await store.notify_change("app", client_id)
            await store.insert_audit(
                Event(domain_id, resources.new_id(), EventName.APP_DISALLOWED, client_id, actor=caller.responsible)
            )
    resources.directory.forget_app(client_id)
