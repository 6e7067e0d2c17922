"""CreateUser: a person or whatever else tokens speak for."""

from dataclasses import replace

from services.runtime.auth import Principal
from services.token.actions.phases import quotas
from services.token.errors import AlreadyExistsUser, NotFoundDomain
from services.token.model import NewUser, Profile, check_role
from services.token.resources import Resources


async def create_user(resources: Resources, caller: Principal, *, new: NewUser) -> Profile:
    """Make a user in the caller's domain.

    Raises:
        AlreadyExistsUser: the id is taken, be it by a client.
        PermissionDenied: a role above the caller's, or with a permission that the caller does not hold.
        NotFoundDomain: the domain is gone.
        QuotaExceeded: the domain has as many users as it may.
    """
    check_role(caller, new.role)
    if not new.user_id:
        new = replace(new, user_id=resources.new_id().hex)
    if await resources.directory.is_client(caller.domain_id, new.user_id):
        raise AlreadyExistsUser
    domain = await resources.directory.domain(caller.domain_id)
    if domain is None:
        raise NotFoundDomain
    now = resources.clock.now()
    async with resources.store.transaction() as store:
        await quotas.check_users(store, domain, now)
        made = await store.create_user(caller.domain_id, new, caller.responsible, now, resources.new_id())
        if made is None:
            raise AlreadyExistsUser
    return made
