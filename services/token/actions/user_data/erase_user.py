"""EraseUser: a user is gone for good, where the one who ordered it reaches it."""

from datetime import datetime, timedelta

from services.token.resources import Resources

# Clocks of two services differ by less, or they would not serve: who was made a moment before the order is meant.
_SKEW = timedelta(seconds=5)


async def erase_user(
    resources: Resources, *, domain_id: str, user_id: str, roles: tuple[str, ...], ordered_at: datetime, actor: str
) -> tuple[str, list[int]]:
    """Delete a user as `delete_user` does. Idempotent.

    Args:
        resources: the parts of the service.
        domain_id: the user's.
        user_id: the user.
        roles: of the users whom it may hit.
        ordered_at: who was made later under this id is another one, and stays.
        actor: who ordered it, for the audit log.

    Returns:
        The verdict: `deleted`, `no_user`, `role`, `last`; and the ids of the domain's push apps.
    """
    verdict = await resources.store.erase_user(
        domain_id,
        user_id,
        before=ordered_at + _SKEW,
        roles=roles,
        pseudonym=resources.vault.pseudonym(domain_id, user_id),
        actor=actor,
        now=resources.clock.now(),
        event_id=resources.new_id(),
    )
    return verdict, await resources.store.select_access_ids(domain_id)
