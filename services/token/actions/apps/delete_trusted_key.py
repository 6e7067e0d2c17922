"""DeleteTrustedKey: a key that is not to be trusted again."""

from services.runtime.auth import Principal
from services.token.actions.apps.known import held_app
from services.token.errors import NotFoundTrustedKey
from services.token.events import EventName
from services.token.model import ID, Event
from services.token.resources import Resources


async def delete_trusted_key(resources: Resources, caller: Principal, *, client_id: str, key_id: str) -> None:
    """Take a key from an app of the caller's domain.

    Raises:
        NotFoundApp: the domain has no such app.
        NotFoundTrustedKey: the app has no such key.
    """
    domain_id = caller.domain_id
    async with resources.store.transaction() as store:
        await held_app(store, domain_id, client_id)
        if not ID.fullmatch(key_id) or not await store.delete_trusted_key(domain_id, client_id, key_id):
            raise NotFoundTrustedKey
        await store.notify_change("app", client_id)
        await store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName.TRUSTED_KEY_DELETED,
                client_id,
                actor=caller.responsible,
                detail=key_id,
            )
        )
    resources.directory.forget_app(client_id)
