"""DeleteAccessKey: an access key goes for good."""

from services.runtime.auth import Principal
from services.token.actions.access_keys.known import held_access_key
from services.token.actions.phases.reach import check_version
from services.token.events import EventName
from services.token.model import Event
from services.token.resources import Resources


async def delete_access_key(
    resources: Resources, caller: Principal, *, access_key_id: str, version: int | None
) -> None:
    """Take an access key of the caller's domain away, and revoke the tokens that were got by it.

    Raises:
        NotFoundAccessKey: the domain has no such key.
        EtagMismatch: it was changed meanwhile.
    """
    domain_id = caller.domain_id
    async with resources.store.transaction() as store:
        known = await held_access_key(store, domain_id, access_key_id)
        check_version(known.record, version)
        await store.delete_access_key(domain_id, access_key_id)
        await store.insert_revocation(
            domain_id, resources.new_id(), kind="app", subject=access_key_id, now=resources.clock.now()
        )
        await store.notify_change("access_key", access_key_id)
        await store.insert_audit(
            Event(domain_id, resources.new_id(), EventName.ACCESS_KEY_DELETED, access_key_id, actor=caller.responsible)
        )
