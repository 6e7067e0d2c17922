"""ListOpenAccounts: a page of open accounts."""

import uuid
from dataclasses import dataclass

from services.account.model import OpenAccount
from services.account.resources import Resources
from services.runtime.auth import Principal


@dataclass(frozen=True, slots=True)
class Slice:
    """Which open accounts: of a project (empty: of every one), behind an id, some passed over, so many."""

    project_id: str
    after: uuid.UUID
    skip: int
    limit: int


async def list_open_accounts(resources: Resources, caller: Principal, *, asked: Slice) -> list[OpenAccount]:
    """Open accounts of the caller's domain in the order of their ids; one more than asked where there are more."""
    return await resources.store.select_open_accounts(
        caller.domain_id, asked.project_id, asked.after, asked.skip, asked.limit + 1
    )
