"""The start of a session: its id, its secret, its first refresh token, its times."""

import os

from services.token.model import NewSession
from services.token.refresh_tokens import SECRET_BYTES, RefreshToken
from services.token.resources import Resources

_FIRST_GENERATION = 1


def begin(resources: Resources, domain_id: str, client_id: str) -> tuple[NewSession, RefreshToken]:
    """A session that the store may start, and the refresh token that goes with it."""
    now = resources.clock.now()
    token = RefreshToken(domain_id, resources.new_id(), _FIRST_GENERATION, os.urandom(SECRET_BYTES))
    absolute_at = now + resources.lifetimes.session
    return (
        NewSession(
            domain_id=domain_id,
            client_id=client_id,
            session_id=token.session_id,
            secret_hash=token.secret_hash,
            now=now,
            expires_at=min(now + resources.lifetimes.session_idle, absolute_at),
            absolute_at=absolute_at,
            event_id=resources.new_id(),
        ),
        token,
    )
