"""CreateUserSystem: people may log on to a domain with it."""

from services.account.actions.reach import check_reach
from services.account.actions.user_systems.get_user_system import get_user_system
from services.account.errors import AlreadyExistsUserSystem, UserSystemQuotaExceeded
from services.account.model.user_systems import MAX_USER_SYSTEMS, UserSystem
from services.account.resources import Resources
from services.runtime.auth import Principal


async def create_user_system(
    resources: Resources, caller: Principal, *, system: UserSystem, made_by: bytes | None
) -> UserSystem:
    """Make a user system, and answer it as it is now.

    Args:
        resources: the parts of the service.
        caller: who calls; the user system is of its domain.
        system: what it is to be.
        made_by: tells the call; `None`: it is not to be told from any other.

    Raises:
        PermissionDenied: it would be asked in a network that the caller may not open.
        UserSystemQuotaExceeded: the domain has as many as it may.
        AlreadyExistsUserSystem: the domain has one of that type, or issuer.
    """
    check_reach(caller, private_addresses=system.private_addresses)
    domain_id = caller.domain_id
    async with resources.store.transaction() as store:
        await store.lock_user_systems(domain_id)
        if made_by and (made := await store.select_user_system_made_by(domain_id, made_by)):
            return made
        if await store.count_user_systems(domain_id) >= MAX_USER_SYSTEMS:
            raise UserSystemQuotaExceeded
        if not await store.insert_user_system(system, resources.clock.now(), made_by):
            raise AlreadyExistsUserSystem
    return await get_user_system(resources, caller, user_system_id=system.user_system_id)
