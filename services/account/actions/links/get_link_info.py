"""GetLinkInfo: the link of an identity."""

from services.account.errors import NotFoundLink
from services.account.model import Identity, Link
from services.account.resources import Resources
from services.runtime.auth import Principal


async def get_link_info(resources: Resources, caller: Principal, *, identity: Identity, own_user: str | None) -> Link:
    """Find the link of an identity.

    Args:
        resources: the parts of the service.
        caller: whose domain it is.
        identity: what is looked for.
        own_user: the one user whose links the caller may see; `None`: everybody's.

    Raises:
        NotFoundLink: it is not linked, or to somebody whom the caller may not see: the answers are alike.
    """
    link = await resources.store.select_link(caller.domain_id, identity)
    if link is None or own_user not in (None, link.user_id):
        raise NotFoundLink
    return link
