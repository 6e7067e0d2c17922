"""GetUserSystem: how a user system is set up."""

from uuid import UUID

from services.account.errors import NotFoundUserSystem
from services.account.model.user_systems import UserSystem
from services.account.resources import Resources
from services.runtime.auth import Principal


async def get_user_system(resources: Resources, caller: Principal, *, user_system_id: str) -> UserSystem:
    """The user system of that id in the caller's domain. Raises `NotFoundUserSystem`."""
    system = await resources.store.select_user_system(caller.domain_id, read_user_system_id(user_system_id))
    if system is None:
        raise NotFoundUserSystem
    return system


def read_user_system_id(text: str) -> UUID:
    """Raises `NotFoundUserSystem` for what is no id."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFoundUserSystem from error
