"""ListPushApps: a page of the domain's push apps."""

from services.runtime.auth import Principal
from services.token.records import PushAppRecord
from services.token.resources import Resources


async def list_push_apps(resources: Resources, caller: Principal, *, after: int, limit: int) -> list[PushAppRecord]:
    """Push apps of the caller's domain in the order of their ids, from the one behind `after`."""
    return await resources.store.select_push_app_records(caller.domain_id, after, limit)
