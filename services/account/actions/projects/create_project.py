"""CreateProject: a set of open accounts."""

import uuid

from services.account.errors import AlreadyExistsProject
from services.account.resources import Resources
from services.runtime.auth import Principal
from services.runtime.ids import uuid7


async def create_project(
    resources: Resources, caller: Principal, *, project_id: str, name: str, made_by: bytes | None
) -> str:
    """Make a project in the caller's domain, and answer its id.

    Args:
        resources: the parts of the service.
        caller: who calls.
        project_id: its id; empty: one is made, the same whenever the same call is made.
        name: what it is called.
        made_by: tells the call; `None`: it is not to be told from any other.

    Raises:
        AlreadyExistsProject: the domain has one of that id, and this call did not make it.
    """
    now = resources.clock.now()
    if not project_id:
        # A request id is a UUID that the caller made up for this call: none is better to name what it makes.
        project_id = str(uuid7(now)) if made_by is None else str(uuid.UUID(bytes=made_by[:16]))
    if await resources.store.insert_project(caller.domain_id, project_id, name, now, made_by):
        return project_id
    if made_by is None or not await resources.store.select_project_made_by(caller.domain_id, project_id, made_by):
        raise AlreadyExistsProject
    return project_id
