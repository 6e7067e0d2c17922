"""UpdateDomainSettings: a domain changes what its users may do with their identities."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.account.errors import ChangedMeanwhile
from services.account.model.domain_settings import DomainSettings
from services.account.resources import Resources
from services.runtime.auth import Principal


async def update_domain_settings(
    resources: Resources, caller: Principal, *, version: int | None, changes: Mapping[str, Any]
) -> DomainSettings:
    """Change the settings of the caller's domain; every replica goes by them from the next call on.

    Args:
        resources: the parts of the service.
        caller: whose domain it is.
        version: of the settings that are meant; `None`: whichever there are.
        changes: new values by field.

    Returns:
        The settings as they are now.

    Raises:
        ChangedMeanwhile: they were changed meanwhile.
    """
    known = await resources.store.select_domain_settings(caller.domain_id)
    if version not in (None, known.version):
        raise ChangedMeanwhile
    changed = replace(known, **changes)
    if changed == known:
        return known
    # Of this version still, or nothing happens.
    stored = await resources.store.write_domain_settings(caller.domain_id, changed, resources.clock.now())
    if stored is None:
        raise ChangedMeanwhile
    return stored
