"""GetLinkInfoByUserId: the links of a user."""

from services.account.errors import NotFoundLinkUser
from services.account.model import Link
from services.account.resources import Resources
from services.runtime.auth import Principal


async def get_link_info_by_user_id(
    resources: Resources, caller: Principal, *, user_id: str, own_user: str | None
) -> list[Link]:
    """List the links of a user, the oldest first; empty where there are none, or no such user.

    Args:
        resources: the parts of the service.
        caller: whose domain it is.
        user_id: the user.
        own_user: the one user whose links the caller may see; `None`: everybody's.

    Raises:
        NotFoundLinkUser: the caller may not see this user, who need not exist.
    """
    if own_user not in (None, user_id):
        raise NotFoundLinkUser
    return await resources.store.select_links_of_user(caller.domain_id, user_id)
