"""GetUser: whether there is a user, and whether it may log on."""

from services.token.actions.resources import Resources
from services.token.errors import UserNotFound
from services.token.model import User


async def get_user(domain_id: str, user_id: str, resources: Resources) -> User:
    """The user of that id. Raises `UserNotFound`."""
    user = await resources.store.select_user(domain_id, user_id)
    if user is None:
        raise UserNotFound
    return user
