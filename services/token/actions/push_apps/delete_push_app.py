"""DeletePushApp: a push app goes for good."""

from services.runtime.auth import Principal
from services.token.actions.phases.reach import check_version
from services.token.actions.push_apps.known import held_push_app
from services.token.events import EventName
from services.token.model import Event
from services.token.resources import Resources


async def delete_push_app(resources: Resources, caller: Principal, *, access_id: int, version: int | None) -> None:
    """Take a push app of the caller's domain away. What is bound to it stays, and nobody reaches it.

    Raises:
        NotFoundPushApp: the domain has no such push app.
        EtagMismatch: it was changed meanwhile.
    """
    domain_id = caller.domain_id
    async with resources.store.transaction() as store:
        known = await held_push_app(store, domain_id, access_id)
        check_version(known.record, version)
        await store.delete_push_app(domain_id, access_id)
        await store.insert_revocation(
            domain_id, resources.new_id(), kind="app", subject=str(access_id), now=resources.clock.now()
        )
        await store.notify_change("push_app", str(access_id))
        await store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName.PUSH_APP_DELETED,
                str(access_id),
                actor=caller.responsible,
            )
        )
