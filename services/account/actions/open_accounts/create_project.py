"""CreateProject: a set of open accounts."""

from services.account.errors import AlreadyExistsProject
from services.account.resources import Resources
from services.runtime.auth import Principal
from services.runtime.ids import uuid7


async def create_project(resources: Resources, caller: Principal, *, project_id: str, name: str) -> str:
    """Make a project in the caller's domain; an empty id: one is made. Returns the id.

    Raises:
        AlreadyExistsProject: the domain has one of that id.
    """
    now = resources.clock.now()
    project_id = project_id or str(uuid7(now))
    if not await resources.store.insert_project(caller.domain_id, project_id, name, now):
        raise AlreadyExistsProject
    return project_id
