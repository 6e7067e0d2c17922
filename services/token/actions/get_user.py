"""GetUser: whether there is a user, and whether it may log on."""

from services.token.errors import NotFoundUser
from services.token.model import User
from services.token.resources import Resources


async def get_user(resources: Resources, *, domain_id: str, user_id: str) -> User:
    """The user of that id. Raises `NotFoundUser`."""
    user = await resources.store.select_user(domain_id, user_id)
    if user is None:
        raise NotFoundUser
    return user
