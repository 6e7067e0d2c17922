"""DeleteProject: a project goes for good."""

from services.account.actions.projects.get_project import get_project
from services.account.errors import ChangedMeanwhile
from services.account.resources import Resources
from services.runtime.auth import Principal


async def delete_project(resources: Resources, caller: Principal, *, project_id: str, version: int | None) -> None:
    """Take a project of the caller's domain away. One statement.

    Raises:
        NotFoundProject: the domain has no such project.
        ProjectInUse: it has providers or open accounts.
        ChangedMeanwhile: it is not of that version; `None`: whichever.
    """
    if not await resources.store.delete_project(caller.domain_id, project_id, version):
        await get_project(resources, caller, project_id=project_id)
        raise ChangedMeanwhile
