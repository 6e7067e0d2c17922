"""ListOpenAccountLinks: a page of the open accounts of one person."""

import uuid
from dataclasses import dataclass

from services.account.actions.open_accounts.describe_open_account import Wanted, check_agrees
from services.account.actions.open_accounts.get_open_account import get_open_account
from services.account.errors import NotFoundOpenAccount
from services.account.model import OpenAccount
from services.account.resources import Resources
from services.runtime.auth import Principal


@dataclass(frozen=True, slots=True)
class Linked:
    """Whose open accounts: those of the person to whom one belongs; behind an id, so many."""

    wanted: Wanted
    after: uuid.UUID
    limit: int


async def list_open_account_links(resources: Resources, caller: Principal, *, asked: Linked) -> list[OpenAccount]:
    """The open accounts of the user to whom the named one belongs, in the order of their ids.

    One more than asked where there are more. One that is nobody's stands alone.

    Raises:
        NotFoundOpenAccount: there is no such account.
        ParametersDisagree: `Idp` or `OpenId` are another account's.
    """
    wanted = asked.wanted
    if wanted.identity_id:
        account = await get_open_account(
            resources, caller, identity_id=wanted.identity_id, project_id=wanted.project_id
        )
        check_agrees(account, wanted)
    else:
        found = await resources.store.select_open_account_of_provider(
            caller.domain_id, wanted.project_id, wanted.idp, wanted.open_id
        )
        if found is None:
            raise NotFoundOpenAccount
        account = found
    if not account.user_id:
        return [account] if account.identity_id > asked.after else []
    return await resources.store.select_open_accounts_of_person(
        caller.domain_id, account.user_id, asked.after, asked.limit + 1
    )
