"""What becomes of a link that ends, whoever ends it."""

from uuid import UUID

from services.account.errors import LastIdentity
from services.account.model import Identity, Order
from services.account.resources import Resources


async def take_away(
    resources: Resources,
    domain_id: str,
    identity: Identity,
    user_id: str,
    *,
    actor: str,
    kept: UUID | None = None,
    keep_last: bool = False,
) -> bool:
    """Take an identity from a user. Browsers in which the user is logged on by one of its type are logged off.

    What apps were given in those ends, too: token is told by the outbox, a moment later, or when it is back.

    Args:
        resources: the parts of the service.
        domain_id: the user's.
        identity: what is taken away.
        user_id: the user.
        actor: who does so.
        kept: a browser's session that goes on; `None`: none does.
        keep_last: whether the user's only identity is kept, whatever the domain wants.

    Returns:
        Whether it was linked to the user.

    Raises:
        LastIdentity: it is the user's only one, and is kept.
        Unavailable: database away.
    """
    store, now = resources.store, resources.clock.now()
    verdict = await store.unlink_identity(
        domain_id, identity, user_id, now=now, event_id=resources.new_id(), actor=actor, keep_last=keep_last
    )
    if verdict == "last":
        raise LastIdentity
    # Whoever put the identity there may be logged on by it still. Also where it is not linked: a call before may have
    # ended between the two.
    async with store.transaction() as unit:
        if await unit.end_logon_sessions(domain_id, user_id, now, method=identity.type, kept=kept):
            order = Order(domain_id, user_id, "end_browsers", resources.new_id(), actor=actor, ordered_at=now)
            await unit.insert_order(order, now)
    return verdict == "unlinked"
