"""GetOpenAccount: an open account by our id."""

import uuid

from services.account.errors import NotFoundOpenAccount
from services.account.model import OpenAccount
from services.account.resources import Resources
from services.runtime.auth import Principal


async def get_open_account(
    resources: Resources, caller: Principal, *, identity_id: str, project_id: str = ""
) -> OpenAccount:
    """The open account of that id in the caller's domain, and in a project if one is named.

    Raises:
        NotFoundOpenAccount: there is none, or the id is none.
    """
    try:
        wanted = uuid.UUID(identity_id)
    except ValueError:
        raise NotFoundOpenAccount from None
    account = await resources.store.select_open_account(caller.domain_id, wanted)
    if account is None or project_id not in ("", account.project_id):
        raise NotFoundOpenAccount
    return account
