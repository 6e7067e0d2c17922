"""GetUser of UserService: all that there is of a user."""

from services.runtime.auth import Principal
from services.token.errors import NotFoundUser
from services.token.model import Profile
from services.token.resources import Resources


async def get_profile(resources: Resources, caller: Principal, *, user_id: str) -> Profile:
    """The user of that id in the caller's domain. Raises `NotFoundUser`."""
    profile = await resources.store.select_profile(caller.domain_id, user_id)
    if profile is None:
        raise NotFoundUser
    return profile
