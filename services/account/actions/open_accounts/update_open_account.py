"""UpdateOpenAccount: whose an open account is, what it is called, and whether it is disabled."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.account.actions.open_accounts.get_open_account import get_open_account
from services.account.errors import ChangedMeanwhile, OpenAccountLinked
from services.account.model import OpenAccount
from services.account.resources import Resources
from services.runtime.auth import Principal


async def update_open_account(
    resources: Resources, caller: Principal, *, identity_id: str, version: int | None, changes: Mapping[str, Any]
) -> OpenAccount:
    """Change an open account of the caller's domain, and answer it as it is now.

    Raises:
        NotFoundOpenAccount: there is none.
        OpenAccountLinked: it is a link, and has no row of its own.
        ChangedMeanwhile: it is not of that version (`None`: whichever), or was changed in this moment.
        NotFoundLinkUser: the user whose it is to be was deleted.
    """
    known = await get_open_account(resources, caller, identity_id=identity_id)
    if known.identity_key:
        raise OpenAccountLinked
    if version not in (None, known.version):
        raise ChangedMeanwhile
    changed = replace(known, **changes)
    if changed == known:
        return known
    stored = await resources.store.update_open_account(changed, resources.clock.now())
    if stored is None:
        raise ChangedMeanwhile
    return replace(changed, version=stored)
