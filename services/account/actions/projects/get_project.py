"""GetProject: how a project is set up."""

from services.account.errors import NotFoundProject
from services.account.model import Project
from services.account.resources import Resources
from services.runtime.auth import Principal


async def get_project(resources: Resources, caller: Principal, *, project_id: str) -> Project:
    """The project of that id in the caller's domain. Raises `NotFoundProject`."""
    project = await resources.store.select_project(caller.domain_id, project_id)
    if project is None:
        raise NotFoundProject
    return project
