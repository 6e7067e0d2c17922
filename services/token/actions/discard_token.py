"""DiscardToken: who had a Token issued has nobody to give it to."""

from services.token import refresh_tokens
from services.token.resources import Resources


async def discard_token(resources: Resources, *, domain_id: str, client_id: str, refresh_token: str) -> None:
    """End the session of a Token, and revoke its access token. Idempotent.

    Args:
        resources: the parts of the service.
        domain_id: the user's.
        client_id: the session's.
        refresh_token: the Token's. What is none, of another domain, or of another client ends nothing.
    """
    opened = await refresh_tokens.opened(refresh_token, resources.keyring)
    if opened is None or opened.domain_id != domain_id:
        return
    await resources.store.end_session(
        domain_id,
        opened.session_id,
        client_id,
        secret_hash=opened.secret_hash,
        now=resources.clock.now(),
        event_id=resources.new_id(),
    )
