"""CreateAccessKey: by which a server signs its requests."""

from services.runtime.auth import Principal
from services.token.actions.phases.requests import once
from services.token.events import EventName
from services.token.model import AccessKeyLimits, Event, check_permissions
from services.token.records import RequestId
from services.token.resources import Resources
from services.token.secret import new_id, new_secret
from services.token.store import Statements


async def create_access_key(
    resources: Resources,
    caller: Principal,
    *,
    name: str,
    permissions: tuple[str, ...],
    limits: AccessKeyLimits,
    request: RequestId | None,
) -> tuple[str, str]:
    """Make an access key in the caller's domain and answer its id and secret.

    Raises:
        PermissionDenied: a permission that the caller does not hold.
        FieldInvalid: a request id of another call.
    """
    check_permissions(caller, permissions)

    async def make(store: Statements) -> tuple[str, ...]:
        domain_id, key_id, secret = caller.domain_id, new_id(), new_secret()
        sealed = resources.vault.seal(secret.encode(), f"{domain_id}/{key_id}")
        await store.insert_credential(key_id, domain_id, "access_key")
        await store.insert_access_key(
            domain_id, key_id, sealed, name=name, permissions=permissions, limits=limits, now=resources.clock.now()
        )
        await store.notify_change("access_key", key_id)
        await store.insert_audit(
            Event(domain_id, resources.new_id(), EventName.ACCESS_KEY_CREATED, key_id, actor=caller.responsible)
        )
        return key_id, secret

    key_id, secret = await once(resources, caller.domain_id, request, make)
    return key_id, secret
