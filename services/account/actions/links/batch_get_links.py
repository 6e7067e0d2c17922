"""BatchGetLinks: the links of many identities."""

from collections.abc import Sequence

from services.account.model import Identity, Link
from services.account.resources import Resources
from services.runtime.auth import Principal


async def batch_get_links(
    resources: Resources, caller: Principal, *, identities: Sequence[Identity]
) -> list[Link | None]:
    """The link of each identity in the caller's domain, in their order; `None` for one not linked. One statement."""
    return await resources.store.select_links_of(caller.domain_id, identities)
