"""ExportUser: all that there is of a user, at token and here."""

from dataclasses import dataclass, field

from services.account.model import BoundAccount, Link, OpenAccount, bound_accounts
from services.account.peers import UserRecord
from services.account.resources import Resources
from services.runtime.auth import Principal


@dataclass(slots=True)
class Export:
    """A page: what token says, as it came; and account's part, on the first page alone."""

    record: UserRecord
    links: list[Link] = field(default_factory=list)
    open_accounts: list[OpenAccount] = field(default_factory=list)
    bound_accounts: list[BoundAccount] = field(default_factory=list)


async def export_user(
    resources: Resources, caller: Principal, *, user_id: str, page_size: int, page_token: str
) -> Export:
    """Read a page of all that there is of a user of the caller's domain.

    Args:
        resources: the parts of the service.
        caller: whose domain it is.
        user_id: the user.
        page_size: sessions and events of the page, as token reads it.
        page_token: token's, of the page before; empty: the first page.

    Raises:
        NotFoundLinkUser: the domain has no such user.
        FieldInvalid: a page that token does not know.
        Unavailable: token or database away.
    """
    domain_id = caller.domain_id
    record = await resources.token.export_user(domain_id, user_id, page_size, page_token)
    if page_token:
        return Export(record)
    identities = await resources.store.select_identities_of_user(domain_id, user_id)
    return Export(
        record,
        await resources.store.select_links_of_user(domain_id, user_id),
        await resources.store.select_open_accounts_of_user(domain_id, user_id),
        bound_accounts(user_id, identities, record.access_ids),
    )
