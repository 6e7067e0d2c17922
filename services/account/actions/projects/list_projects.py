"""ListProjects: a page of the domain's projects."""

from services.account.model import Project
from services.account.resources import Resources
from services.runtime.auth import Principal


async def list_projects(resources: Resources, caller: Principal, *, after: str, limit: int) -> list[Project]:
    """Projects of the caller's domain in the order of their ids, from the one behind `after`."""
    return await resources.store.select_projects(caller.domain_id, after, limit)
