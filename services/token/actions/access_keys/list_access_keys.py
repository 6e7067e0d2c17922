"""ListAccessKeys: a page of the domain's access keys."""

from services.runtime.auth import Principal
from services.token.records import AccessKeyRecord
from services.token.resources import Resources


async def list_access_keys(resources: Resources, caller: Principal, *, after: str, limit: int) -> list[AccessKeyRecord]:
    """Access keys of the caller's domain in the order of their ids, from the one behind `after`."""
    return await resources.store.select_access_key_records(caller.domain_id, after, limit)
