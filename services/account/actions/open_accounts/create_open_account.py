"""CreateOpenAccount: an identity of a project's own user system."""

import uuid
from dataclasses import asdict, dataclass

from services.account.errors import AccountRefusal, AlreadyExistsOpenAccount, NotFoundLinkUser
from services.account.model import OpenAccount
from services.account.resources import Resources
from services.runtime.auth import Principal
from services.runtime.ids import uuid7


@dataclass(frozen=True, slots=True)
class NewOpenAccount:
    """What an open account is to be. All but the first three may be empty."""

    project_id: str
    idp: str
    open_id: str
    user_id: str
    display_name: str
    login_id: str
    mobile: str
    region: str


async def create_open_account(
    resources: Resources, caller: Principal, *, new: NewOpenAccount, made_by: bytes | None
) -> uuid.UUID:
    """Make an open account in the caller's domain. Returns our id of it.

    Args:
        resources: the parts of the service.
        caller: who calls.
        new: what it is to be.
        made_by: tells the call; `None`: it is not to be told from any other.

    Raises:
        NotFoundProject: the domain has no such project.
        AlreadyExistsOpenAccount: the project has an account of that provider and id, or a link is one, and this call
            did not make it.
        NotFoundLinkUser: its user was deleted, and this call did not make it before.
    """
    now = resources.clock.now()
    account = OpenAccount(
        domain_id=caller.domain_id, identity_id=uuid7(now), create_access_key=caller.client_id, **asdict(new)
    )
    refusal: AccountRefusal = AlreadyExistsOpenAccount()
    try:
        if await resources.store.insert_open_account(account, now, made_by):
            return account.identity_id
    except NotFoundLinkUser as error:
        refusal = error
    made = await resources.store.select_open_account_made_by(account, made_by) if made_by else None
    if made is None:
        raise refusal
    return made
