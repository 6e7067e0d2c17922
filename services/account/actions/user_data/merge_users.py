"""MergeUsers: all that is one user's becomes another's, and the one's sessions are over, also those of browsers."""

from services.account.errors import LinkUserRefused, NotFoundLinkUser
from services.account.model import Merged, Order
from services.account.resources import Resources
from services.runtime.auth import Principal, reachable_roles
from services.runtime.errors import PermissionDenied


async def merge_users(resources: Resources, caller: Principal, *, from_user_id: str, into_user_id: str) -> Merged:
    """Move links and open accounts between two users of the caller's domain, and end what the emptied one had at token.

    The moves and the order to token are one transaction; token is called after it, and where it is away the outbox goes
    on. So no session that began before the moves outlives the merge, and a repeated call finishes what is unfinished.

    Args:
        resources: the parts of the service.
        caller: whose domain it is, and whose reach both users' roles are in.
        from_user_id: who is emptied; another than
        into_user_id: who gets all.

    Raises:
        NotFoundLinkUser: the domain lacks one of them; nothing moves.
        LinkUserRefused: who would get all is disabled; nothing moves.
        PermissionDenied: a role that is beyond the caller; nothing moves.
        Unavailable: token or database away; the links may have moved.
    """
    roles = reachable_roles(caller)
    for user_id in (from_user_id, into_user_id):
        user = await resources.token.get_user(caller.domain_id, user_id)
        if user.role not in roles:
            # Whoever gets an identity can log on as the other.
            raise PermissionDenied(detail=f"{caller.kind} {caller.subject} does not reach {user_id}, {user.role}")
    # The last one asked for.
    if user.status != "enabled":
        raise LinkUserRefused(detail=f"{into_user_id} is {user.status}")
    order = Order(
        caller.domain_id,
        from_user_id,
        "end_sessions",
        version=resources.new_id(),
        actor=caller.responsible,
        ordered_at=resources.clock.now(),
    )
    async with resources.store.transaction() as store:
        merged = await store.merge_users(
            caller.domain_id, from_user_id, into_user_id, now=order.ordered_at, actor=caller.responsible
        )
        if merged is None:
            raise NotFoundLinkUser(detail=f"{from_user_id} or {into_user_id} was deleted meanwhile")
        await store.end_logon_sessions(caller.domain_id, from_user_id, order.ordered_at)
        await store.insert_order(order, resources.outbox.due_at())
    await resources.outbox.end_sessions(order)
    return merged
