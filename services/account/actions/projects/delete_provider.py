"""DeleteProvider: a provider goes for good."""

from services.account.actions.projects.get_provider import get_provider
from services.account.errors import ChangedMeanwhile
from services.account.resources import Resources
from services.runtime.auth import Principal


async def delete_provider(
    resources: Resources, caller: Principal, *, project_id: str, idp: str, version: int | None
) -> None:
    """Take a provider away. One statement.

    Raises:
        NotFoundProvider: there is no such provider.
        ChangedMeanwhile: it is not of that version; `None`: whichever.
    """
    if not await resources.store.delete_provider(caller.domain_id, project_id, idp, version):
        await get_provider(resources, caller, project_id=project_id, idp=idp)
        raise ChangedMeanwhile
