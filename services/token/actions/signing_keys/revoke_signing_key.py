"""RevokeSigningKey: a key that is not to be trusted any more."""

from services.runtime.auth import Principal
from services.token.errors import NotFoundSigningKey
from services.token.model import ID, SigningKey
from services.token.resources import Resources


async def revoke_signing_key(resources: Resources, caller: Principal, *, key_id: str) -> SigningKey:
    """Let a key of the caller's domain verify nothing; where it signed, another one does. Idempotent.

    Returns:
        The key as it is now.

    Raises:
        NotFoundSigningKey: the domain has no such key.
    """
    key = await resources.store.select_signing_key(caller.domain_id, key_id) if ID.fullmatch(key_id) else None
    if key is None:
        raise NotFoundSigningKey
    return await resources.key_rotation.revoke(caller.domain_id, key, caller.responsible)
