"""SignUserOut: some of what a user is signed in with is over."""

from collections.abc import Sequence
from uuid import UUID

from services.token.resources import Resources


async def sign_user_out(
    resources: Resources,
    *,
    domain_id: str,
    user_id: str,
    session_ids: Sequence[UUID],
    browser_ids: Sequence[UUID],
    actor: str,
) -> None:
    """End sessions of a user, and revoke their access tokens. Idempotent; those of other users stay as they are.

    Args:
        resources: the parts of the service.
        domain_id: the user's.
        user_id: the user.
        session_ids: sessions that end.
        browser_ids: browsers, of which all sessions end that were begun in them, with the codes that were made there.
        actor: whose deed it is, for the audit log.
    """
    await resources.store.sign_user_out(
        domain_id,
        user_id,
        session_ids=session_ids,
        browser_ids=browser_ids,
        actor=actor,
        now=resources.clock.now(),
        event_id=resources.new_id(),
    )
