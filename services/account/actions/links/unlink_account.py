"""UnlinkAccount: an identity is taken from a user."""

from services.account.model import Identity
from services.account.resources import Resources
from services.runtime.auth import Principal


async def unlink_account(resources: Resources, caller: Principal, *, user_id: str, identity: Identity) -> None:
    """Take an identity from a user of the caller's domain; a success too where it is not linked. One statement."""
    await resources.store.unlink_identity(
        caller.domain_id, identity, user_id, event_id=resources.new_id(), actor=caller.responsible
    )
