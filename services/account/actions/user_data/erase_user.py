"""EraseUser: a user is gone, at token and here."""

from services.account.model import BoundAccount, Order, bound_accounts
from services.account.resources import Resources
from services.runtime.auth import Principal, reachable_roles


async def erase_user(resources: Resources, caller: Principal, *, user_id: str) -> list[BoundAccount]:
    """Erase a user of the caller's domain. Idempotent.

    Token goes first: it alone can tell whether the user may be erased, and nothing is lost here where not. While it is
    away, the order stands, and account's part follows when token has done its own.

    Args:
        resources: the parts of the service.
        caller: whose domain it is, and whose reach the user's role must be in.
        user_id: the user, who need not be there.

    Returns:
        Under what binding may hold the user.

    Raises:
        PermissionDenied: the user's role is beyond the caller; nothing is erased.
        UserKept: it is the domain's last enabled superadmin; nothing is erased.
        Unavailable: token or database away; it will be done.
    """
    order = Order(
        caller.domain_id,
        user_id,
        "erase",
        version=resources.new_id(),
        actor=caller.responsible,
        ordered_at=resources.clock.now(),
        roles=reachable_roles(caller),
    )
    async with resources.store.transaction() as store:
        await store.insert_order(order, resources.outbox.due_at())
        await store.remember_user(caller.domain_id, user_id, order.ordered_at)
    erased = await resources.outbox.erase(order)
    return bound_accounts(user_id, erased.identities, erased.access_ids)
