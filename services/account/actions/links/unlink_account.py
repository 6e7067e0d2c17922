"""UnlinkAccount: an identity is taken from a user."""

from services.account.actions.links.take_away import take_away
from services.account.errors import NotFoundLinkUser
from services.account.model import Identity
from services.account.resources import Resources
from services.runtime.auth import Principal


async def unlink_account(
    resources: Resources, caller: Principal, *, user_id: str, identity: Identity, own_user: str | None
) -> bool:
    """Take an identity from a user of the caller's domain; a success too where it is not linked.

    The user's pending proofs end, whatever they are for: who takes an identity away because somebody else put it there
    is not surprised by the next one. So do the browsers in which the user is logged on by an identity of that type.

    Args:
        resources: the parts of the service.
        caller: whose domain it is.
        user_id: the user.
        identity: what is taken away.
        own_user: the one user whose links the caller may change; `None`: everybody's.

    Returns:
        Whether it was linked to the user.

    Raises:
        NotFoundLinkUser: the caller may not see this user, who need not exist.
        LastIdentity: the domain wants the user to keep it.
    """
    if own_user not in (None, user_id):
        raise NotFoundLinkUser
    return await take_away(resources, caller.domain_id, identity, user_id, actor=caller.responsible)
