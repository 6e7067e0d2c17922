"""GetPushApp: how a push app is set up."""

from services.runtime.auth import Principal
from services.token.actions.push_apps.known import known_push_app
from services.token.records import PushAppRecord
from services.token.resources import Resources


async def get_push_app(resources: Resources, caller: Principal, *, access_id: int) -> PushAppRecord:
    """The push app of that id in the caller's domain. Raises `NotFoundPushApp`."""
    return await known_push_app(resources.store, caller.domain_id, access_id)
