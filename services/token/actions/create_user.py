"""CreateUser: a person or whatever else tokens speak for."""

from dataclasses import dataclass, replace

from services.runtime.auth import ROLES, Principal
from services.runtime.errors import PermissionDenied
from services.token.actions.phases import quotas
from services.token.errors import AlreadyExistsUser, NotFoundDomain
from services.token.model import Event, User, check_permissions
from services.token.resources import Resources

_MOST_POWERFUL = "superadmin"


@dataclass(frozen=True, slots=True)
class NewUser:
    """What a user is to be. An empty `user_id` asks for one."""

    user_id: str
    user_name: str
    nick_name: str
    avatar: str
    role: str
    default_drive_id: str


async def create_user(resources: Resources, caller: Principal, *, new: NewUser) -> str:
    """Make an enabled user in the caller's domain and answer its id.

    Raises:
        AlreadyExistsUser: the id is taken, be it by a client.
        PermissionDenied: a role with a permission that the caller does not hold; a superadmin is made by a superadmin
            alone.
        NotFoundDomain: the domain is gone.
        QuotaExceeded: the domain has as many users as it may.
    """
    if new.role == _MOST_POWERFUL and caller.role != _MOST_POWERFUL:
        raise PermissionDenied(detail="only a superadmin makes superadmins")
    check_permissions(caller, ROLES[new.role])
    if not new.user_id:
        new = replace(new, user_id=resources.new_id().hex)
    if await resources.directory.is_client(caller.domain_id, new.user_id):
        raise AlreadyExistsUser
    domain = await resources.directory.domain(caller.domain_id)
    if domain is None:
        raise NotFoundDomain
    async with resources.store.transaction() as store:
        await quotas.check_users(store, domain, resources.clock.now())
        made = await store.insert_user(
            caller.domain_id,
            User(new.user_id, new.role, "enabled"),
            user_name=new.user_name,
            nick_name=new.nick_name,
            avatar=new.avatar,
            default_drive_id=new.default_drive_id,
            now=resources.clock.now(),
        )
        if not made:
            raise AlreadyExistsUser
        await store.insert_audit(
            Event(caller.domain_id, resources.new_id(), "user.created", user_id=new.user_id, actor=caller.subject)
        )
    return new.user_id
