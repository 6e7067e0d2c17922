"""DeleteApp: an app goes for good."""

from services.runtime.auth import Principal
from services.token.actions.apps.known import held_app
from services.token.actions.phases.reach import check_version
from services.token.events import EventName
from services.token.model import Event
from services.token.resources import Resources


async def delete_app(resources: Resources, caller: Principal, *, client_id: str, version: int | None) -> None:
    """Take an app of the caller's domain away. No session of it can be refreshed, and its access tokens are revoked.

    Raises:
        NotFoundApp: the domain has no such app.
        EtagMismatch: it was changed meanwhile.
    """
    domain_id = caller.domain_id
    async with resources.store.transaction() as store:
        known = await held_app(store, domain_id, client_id)
        check_version(known.record, version)
        await store.delete_app(domain_id, client_id)
        await store.insert_revocation(
            domain_id, resources.new_id(), kind="app", subject=client_id, now=resources.clock.now()
        )
        await store.notify_change("app", client_id)
        await store.insert_audit(
            Event(domain_id, resources.new_id(), EventName.APP_DELETED, client_id, actor=caller.responsible)
        )
    resources.directory.forget_app(client_id)
