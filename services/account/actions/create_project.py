"""CreateProject: a set of open accounts."""

from services.account.errors import AlreadyExistsProject
from services.account.store import Store
from services.runtime.auth import Principal
from services.runtime.clock import Clock
from services.runtime.ids import uuid7


async def create_project(store: Store, clock: Clock, caller: Principal, *, project_id: str, name: str) -> str:
    """Make a project in the caller's domain; an empty id: one is made. Returns the id.

    Raises:
        AlreadyExistsProject: the domain has one of that id.
    """
    now = clock.now()
    project_id = project_id or str(uuid7(now))
    if not await store.insert_project(caller.domain_id, project_id, name, now):
        raise AlreadyExistsProject
    return project_id
