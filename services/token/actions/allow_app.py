"""AllowApp: admits an app to its domain."""

from services.runtime.auth import Principal
from services.token.actions.resources import Resources
from services.token.errors import AppNotFound
from services.token.model import ID, Event


async def allow_app(client_id: str, caller: Principal, resources: Resources) -> None:
    """Admit an app of the caller's domain; this process knows at once, others within a second. Idempotent.

    Raises:
        AppNotFound: the domain has no such app.
    """
    if not ID.fullmatch(client_id):
        raise AppNotFound
    async with resources.store.transaction() as store:
        if not await store.update_app_admitted(caller.domain_id, client_id):
            raise AppNotFound
        await store.insert_audit(
            Event(caller.domain_id, resources.new_id(), "app.allowed", client_id, actor=caller.subject)
        )
    resources.directory.forget_app(client_id)
