"""AllowApp: admits an app to its domain."""

from services.runtime.auth import Principal
from services.token.errors import NotFoundApp
from services.token.events import EventName
from services.token.model import ID, Event
from services.token.resources import Resources


async def allow_app(resources: Resources, caller: Principal, *, client_id: str) -> None:
    """Admit an app of the caller's domain; this process knows at once, others when they hear of it. Idempotent.

    Raises:
        NotFoundApp: the domain has no such app.
    """
    if not ID.fullmatch(client_id):
        raise NotFoundApp
    domain_id = caller.domain_id
    async with resources.store.transaction() as store:
        changed = await store.update_app_admitted(domain_id, client_id, admitted=True, now=resources.clock.now())
        if changed is None:
            raise NotFoundApp
        if changed:
            await store.notify_change("app", client_id)
            await store.insert_audit(
                Event(domain_id, resources.new_id(), EventName.APP_ALLOWED, client_id, actor=caller.responsible)
            )
    resources.directory.forget_app(client_id)
