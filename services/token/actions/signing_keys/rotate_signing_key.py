"""RotateSigningKey: a new key before the schedule makes one."""

from services.runtime.auth import Principal
from services.token.model import SigningKey
from services.token.resources import Resources


async def rotate_signing_key(resources: Resources, caller: Principal, *, use: str, immediately: bool) -> SigningKey:
    """Replace a key of the caller's domain.

    Args:
        resources: the parts of the service.
        caller: who asks, written to the audit log.
        use: of the key.
        immediately: whether the new key signs at once; else it is published first, once, however often that is asked.

    Returns:
        The key that signs, or is to.
    """
    if immediately:
        return await resources.key_rotation.replace(caller.domain_id, use, caller.responsible)
    return await resources.key_rotation.publish(caller.domain_id, use, caller.responsible)
