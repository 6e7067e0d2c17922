"""DeleteOpenAccount: an open account goes for good."""

from services.account.actions.links.unlink_account import unlink_account
from services.account.actions.open_accounts.get_open_account import get_open_account
from services.account.errors import ChangedMeanwhile, NotFoundOpenAccount
from services.account.model import Identity
from services.account.resources import Resources
from services.runtime.auth import Principal


async def delete_open_account(
    resources: Resources, caller: Principal, *, identity_id: str, project_id: str, version: int | None
) -> None:
    """Take an open account of the caller's domain away; one that is a link is unlinked, and the feed of links tells it.

    One that is not there, in the project if one is named, is a success: the call may be made again.

    Raises:
        ChangedMeanwhile: it is not of that version; `None`: whichever.
        LastIdentity: it is a link, the last identity of its user, and the domain wants each user to keep one.
    """
    while True:
        try:
            known = await get_open_account(resources, caller, identity_id=identity_id, project_id=project_id)
        except NotFoundOpenAccount:
            return
        if not known.identity_key:
            break
        identity = Identity("custom", known.identity_key, known.identity_key)
        if await unlink_account(resources, caller, user_id=known.user_id, identity=identity, own_user=None):
            return
        # It is gone, or a merge has made it another user's in this moment: then it is the same account still.
    gone = await resources.store.delete_open_account(known.domain_id, known.identity_id, version)
    # Of another version, unless somebody else took it away in this moment.
    if not gone and await resources.store.select_open_account(known.domain_id, known.identity_id):
        raise ChangedMeanwhile
