"""CreateUser: a person or whatever else tokens speak for."""

from dataclasses import replace

from services.runtime.auth import Principal
from services.token.actions.phases import quotas
from services.token.actions.phases.requests import once
from services.token.actions.users.get_profile import get_profile
from services.token.errors import AlreadyExistsUser, NotFoundDomain
from services.token.model import NewUser, Profile, check_role
from services.token.records import RequestId
from services.token.resources import Resources
from services.token.store import Statements


async def create_user(
    resources: Resources, caller: Principal, *, new: NewUser, request: RequestId | None = None
) -> Profile:
    """Make a user in the caller's domain.

    Args:
        resources: the parts of the service.
        caller: who calls.
        new: what the user is to be.
        request: tells the call, which may be made again; `None`: it is not to be told from any other.

    Returns:
        The user; as it is now, where the same call was made before.

    Raises:
        AlreadyExistsUser: the id is taken, be it by a client.
        PermissionDenied: a role above the caller's, or with a permission that the caller does not hold.
        NotFoundDomain: the domain is gone.
        NotFoundUser: the user that the same call made is gone.
        QuotaExceeded: the domain has as many users as it may.
        FieldInvalid: a request id of another call.
    """
    check_role(caller, new.role)
    if not new.user_id:
        new = replace(new, user_id=resources.new_id().hex)
    if await resources.directory.is_client(caller.domain_id, new.user_id):
        raise AlreadyExistsUser
    domain = await resources.directory.domain(caller.domain_id)
    if domain is None:
        raise NotFoundDomain
    profile: Profile | None = None

    async def make(store: Statements) -> tuple[str, ...]:
        nonlocal profile
        now = resources.clock.now()
        await quotas.check_users(store, domain, now)
        profile = await store.create_user(caller.domain_id, new, caller.responsible, now, resources.new_id())
        if profile is None:
            raise AlreadyExistsUser
        return (new.user_id,)

    (user_id,) = await once(resources, caller.domain_id, request, make)
    return profile or await get_profile(resources, caller, user_id=user_id)
