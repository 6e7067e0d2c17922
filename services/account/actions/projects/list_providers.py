"""ListProviders: a page of a project's providers."""

from services.account.actions.projects.get_project import get_project
from services.account.model import Provider
from services.account.resources import Resources
from services.runtime.auth import Principal


async def list_providers(
    resources: Resources, caller: Principal, *, project_id: str, after: str, limit: int
) -> list[Provider]:
    """Providers of a project in the order of their names, from the one behind `after`. Raises `NotFoundProject`."""
    await get_project(resources, caller, project_id=project_id)
    return await resources.store.select_providers(caller.domain_id, project_id, after, limit)
