"""CreateAccessKey: by which a server signs its requests."""

from services.runtime.auth import Principal
from services.token.model import Event, check_permissions
from services.token.resources import Resources
from services.token.secret import new_id, new_secret


async def create_access_key(
    resources: Resources, caller: Principal, *, permissions: tuple[str, ...]
) -> tuple[str, str]:
    """Make an access key in the caller's domain and answer its id and secret.

    Raises:
        PermissionDenied: a permission that the caller does not hold.
    """
    check_permissions(caller, permissions)
    domain_id, key_id, secret = caller.domain_id, new_id(), new_secret()
    sealed = resources.vault.seal(secret.encode(), f"{domain_id}/{key_id}")
    async with resources.store.transaction() as store:
        await store.insert_credential(key_id, domain_id, "access_key")
        await store.insert_access_key(domain_id, key_id, sealed, permissions, resources.clock.now())
        await store.insert_audit(
            Event(domain_id, resources.new_id(), "access_key.created", key_id, actor=caller.subject)
        )
    return key_id, secret
