"""ListUserSystems: a page of a domain's user systems."""

from uuid import UUID

from services.account.model.user_systems import UserSystem
from services.account.resources import Resources
from services.runtime.auth import Principal


async def list_user_systems(resources: Resources, caller: Principal, *, after: UUID, limit: int) -> list[UserSystem]:
    """User systems of the caller's domain in the order in which they were made, from the one behind `after`."""
    return await resources.store.select_user_systems(caller.domain_id, after, limit)
