"""GetApp: how an app is set up."""

from services.runtime.auth import Principal
from services.token.actions.apps.known import known_app
from services.token.records import AppRecord
from services.token.resources import Resources


async def get_app(resources: Resources, caller: Principal, *, client_id: str) -> AppRecord:
    """The app of that id in the caller's domain. Raises `NotFoundApp`."""
    return await known_app(resources.store, caller.domain_id, client_id)
