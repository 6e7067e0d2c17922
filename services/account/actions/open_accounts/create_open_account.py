"""CreateOpenAccount: an identity of a project's own user system."""

import uuid
from dataclasses import asdict, dataclass

from services.account.errors import AlreadyExistsOpenAccount
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


async def create_open_account(resources: Resources, caller: Principal, *, new: NewOpenAccount) -> uuid.UUID:
    """Make an open account in the caller's domain. Returns our id of it.

    Raises:
        NotFoundProject: the domain has no such project.
        AlreadyExistsOpenAccount: the project has an account of that provider and id.
    """
    now = resources.clock.now()
    account = OpenAccount(
        domain_id=caller.domain_id, identity_id=uuid7(now), create_access_key=caller.client_id, **asdict(new)
    )
    if not await resources.store.insert_open_account(account, now):
        raise AlreadyExistsOpenAccount
    return account.identity_id
