"""CreateOpenAccount: an identity of a project's own user system."""

import uuid

from services.account.errors import AlreadyExistsOpenAccount
from services.account.model import OpenAccount
from services.account.store import Store
from services.runtime.clock import Clock


async def create_open_account(store: Store, clock: Clock, account: OpenAccount) -> uuid.UUID:
    """Make an open account. Returns our id of it.

    Raises:
        NotFoundProject: the domain has no such project.
        AlreadyExistsOpenAccount: the project has an account of that provider and id.
    """
    if not await store.insert_open_account(account, clock.now()):
        raise AlreadyExistsOpenAccount
    return account.identity_id
