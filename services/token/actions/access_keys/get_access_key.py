"""GetAccessKey: how an access key is set up."""

from services.runtime.auth import Principal
from services.token.actions.access_keys.known import known_access_key
from services.token.records import AccessKeyRecord
from services.token.resources import Resources


async def get_access_key(resources: Resources, caller: Principal, *, access_key_id: str) -> AccessKeyRecord:
    """The access key of that id in the caller's domain. Raises `NotFoundAccessKey`."""
    return await known_access_key(resources.store, caller.domain_id, access_key_id)
