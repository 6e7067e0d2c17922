"""AddTrustedKey: one more key that verifies an app's assertions."""

from services.runtime.auth import Principal
from services.token.actions.apps.known import held_app
from services.token.actions.phases.admission import RULES
from services.token.actions.phases.reach import check_app_reach
from services.token.errors import AppCredentialsExhausted
from services.token.events import EventName
from services.token.model import AuthMethod, Event, StoredTrustedKey
from services.token.records import TrustedKeyRecord
from services.token.resources import Resources

_MOST = 10


async def add_trusted_key(
    resources: Resources, caller: Principal, *, client_id: str, key: StoredTrustedKey
) -> TrustedKeyRecord:
    """Trust one more key of an app of the caller's domain. Idempotent: one that is there stays as it is.

    Raises:
        NotFoundApp: the domain has no such app.
        PermissionDenied: the app holds what the caller does not, who could sign as it.
        AppCredentialsExhausted: it has ten, or its type signs nothing.
    """
    domain_id, now = caller.domain_id, resources.clock.now()
    async with resources.store.transaction() as store:
        known = await held_app(store, domain_id, client_id)
        check_app_reach(caller, known.app)
        present = await store.select_trusted_key_records(domain_id, client_id, "", _MOST)
        for each in present:
            if each.key_id == key.key_id:
                return each
        if len(present) == _MOST or AuthMethod.PRIVATE_KEY_JWT not in RULES[known.app.type].methods:
            raise AppCredentialsExhausted
        await store.insert_trusted_key(domain_id, client_id, key, now)
        await store.notify_change("app", client_id)
        await store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName.TRUSTED_KEY_CREATED,
                client_id,
                actor=caller.responsible,
                detail=key.key_id,
            )
        )
    resources.directory.forget_app(client_id)
    return TrustedKeyRecord(key.key_id, key.algorithm, key.public_key, True, now)
