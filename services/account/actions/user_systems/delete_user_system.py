"""DeleteUserSystem: a user system goes for good."""

from services.account.actions.user_systems.get_user_system import get_user_system, read_user_system_id
from services.account.errors import ChangedMeanwhile, LastUserSystem
from services.account.resources import Resources
from services.runtime.auth import Principal


async def delete_user_system(
    resources: Resources, caller: Principal, *, user_system_id: str, version: int | None
) -> None:
    """Take a user system away; links that were made by it stay.

    Raises:
        NotFoundUserSystem: there is no such user system.
        ChangedMeanwhile: it is not of that version; `None`: whichever.
        LastUserSystem: the domain has no other.
    """
    gone = read_user_system_id(user_system_id)
    async with resources.store.transaction() as store:
        await store.lock_user_systems(caller.domain_id)
        deleted = await store.delete_user_system(caller.domain_id, gone, version)
        if deleted and not await store.count_user_systems(caller.domain_id):
            raise LastUserSystem
    if not deleted:
        await get_user_system(resources, caller, user_system_id=user_system_id)
        raise ChangedMeanwhile
