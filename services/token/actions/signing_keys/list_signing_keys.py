"""ListSigningKeys: the keys by which the caller's domain signs."""

from datetime import datetime

from services.runtime.auth import Principal
from services.token.model import SigningKey
from services.token.resources import Resources


async def list_signing_keys(
    resources: Resources, caller: Principal, *, after: tuple[datetime, str] | None, limit: int
) -> tuple[list[SigningKey], bool]:
    """A page of the keys of the caller's domain, the newest first.

    Args:
        resources: the parts of the service.
        caller: of the domain.
        after: when the last key of the page before was made, and its id; `None` for the first page.
        limit: keys on the page.

    Returns:
        The keys, and whether there are more.
    """
    keys = await resources.store.select_signing_key_page(caller.domain_id, after, limit + 1)
    return keys[:limit], len(keys) > limit
