"""UpdateProject: what a project is called."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.account.actions.projects.get_project import get_project
from services.account.errors import ChangedMeanwhile
from services.account.model import Project
from services.account.resources import Resources
from services.runtime.auth import Principal


async def update_project(
    resources: Resources, caller: Principal, *, project_id: str, version: int | None, changes: Mapping[str, Any]
) -> Project:
    """Change a project of the caller's domain, and answer it as it is now.

    Raises:
        NotFoundProject: the domain has no such project.
        ChangedMeanwhile: it is not of that version (`None`: whichever), or was changed in this moment.
    """
    known = await get_project(resources, caller, project_id=project_id)
    if version not in (None, known.version):
        raise ChangedMeanwhile
    changed = replace(known, **changes)
    if changed == known:
        return known
    stored = await resources.store.update_project(changed, resources.clock.now())
    if stored is None:
        raise ChangedMeanwhile
    return stored
