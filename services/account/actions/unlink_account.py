"""UnlinkAccount: an identity is taken from a user."""

from services.account.model import Identity
from services.account.store import Store
from services.runtime.auth import Principal


async def unlink_account(store: Store, caller: Principal, *, user_id: str, identity: Identity) -> None:
    """Take an identity from a user of the caller's domain; a success too where it is not linked. One statement."""
    await store.delete_link(caller.domain_id, identity, user_id)
