"""EndUserSessions: nothing that a user had goes on."""

from services.token.resources import Resources


async def end_user_sessions(resources: Resources, *, domain_id: str, user_id: str, actor: str) -> None:
    """End a user's sessions, codes and access tokens. Idempotent; a user who is not there has none.

    Args:
        resources: the parts of the service.
        domain_id: the user's.
        user_id: the user, of whichever role: who ordered it was judged.
        actor: who did, for the audit log.
    """
    await resources.store.end_user_sessions(
        domain_id, user_id, actor=actor, now=resources.clock.now(), event_id=resources.new_id()
    )
