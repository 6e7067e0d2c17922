"""UnlinkAccount: an identity is taken from a user."""

from services.account.model import Identity
from services.account.store import Store


async def unlink_account(store: Store, domain_id: str, user_id: str, identity: Identity) -> None:
    """Take an identity from a user; a success too where it is not linked to it. One statement."""
    await store.delete_link(domain_id, identity, user_id)
