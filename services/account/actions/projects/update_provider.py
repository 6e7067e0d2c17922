"""UpdateProvider: how a provider is set up."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from services.account.actions.projects.get_provider import get_provider
from services.account.actions.reach import check_reach
from services.account.errors import ChangedMeanwhile
from services.account.model import Provider
from services.account.resources import Resources
from services.runtime.auth import Principal


async def update_provider(
    resources: Resources,
    caller: Principal,
    *,
    project_id: str,
    idp: str,
    version: int | None,
    changes: Mapping[str, Any],
    check: Callable[[Provider], Provider],
) -> Provider:
    """Change a provider, and answer it as it is now.

    Args:
        resources: the parts of the service.
        caller: whose domain it is.
        project_id: its project.
        idp: its name.
        version: of the state that is meant; `None`: whichever there is.
        changes: new values by field.
        check: whether the fields then go together; raises `FieldInvalid`.

    Raises:
        NotFoundProvider: there is no such provider.
        ChangedMeanwhile: it is not of that version, or was changed in this moment.
        PermissionDenied: it would be asked in a network that the caller may not open.
        FieldInvalid: the fields do not go together; another provider of that name takes links.
    """
    known = await get_provider(resources, caller, project_id=project_id, idp=idp)
    if version not in (None, known.version):
        raise ChangedMeanwhile
    changed = check(replace(known, **changes))
    if changed == known:
        return known
    check_reach(caller, private_addresses=changed.private_addresses)
    stored = await resources.store.update_provider(changed, resources.clock.now())
    if stored is None:
        raise ChangedMeanwhile
    return stored
