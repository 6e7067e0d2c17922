"""UpdateTrustedKey: whether a key verifies."""

from services.runtime.auth import Principal
from services.token.actions.apps.known import held_app
from services.token.actions.phases.reach import check_app_reach
from services.token.errors import NotFoundTrustedKey
from services.token.events import EventName
from services.token.model import ID, Event
from services.token.records import TrustedKeyRecord
from services.token.resources import Resources


async def update_trusted_key(
    resources: Resources, caller: Principal, *, client_id: str, key_id: str, enabled: bool
) -> TrustedKeyRecord:
    """Enable or disable a key of an app of the caller's domain. Idempotent.

    Raises:
        NotFoundApp: the domain has no such app.
        NotFoundTrustedKey: the app has no such key.
        PermissionDenied: one is enabled whose app holds what the caller does not.
    """
    domain_id = caller.domain_id
    async with resources.store.transaction() as store:
        known = await held_app(store, domain_id, client_id)
        if enabled:
            check_app_reach(caller, known.app)
        if not ID.fullmatch(key_id):
            raise NotFoundTrustedKey
        key = await store.update_trusted_key(domain_id, client_id, key_id, enabled=enabled)
        if key is None:
            raise NotFoundTrustedKey
        await store.notify_change("app", client_id)
        detail = f"{key_id} {'enabled' if enabled else 'disabled'}"
        await store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName.TRUSTED_KEY_UPDATED,
                client_id,
                actor=caller.responsible,
                detail=detail,
            )
        )
    resources.directory.forget_app(client_id)
    return key
