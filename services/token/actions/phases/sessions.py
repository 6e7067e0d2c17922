"""The life of a session: its start, with its id, its secret and its first refresh token; and when it ends.

How long it lives is its app's to say, and where that says nothing, the service's.
"""

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.runtime.ids import uuid7_time
from services.token.model import App, NewSession, Rotation
from services.token.refresh_tokens import SECRET_BYTES, RefreshToken
from services.token.resources import Resources

_FIRST_GENERATION = 1
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
_UNBOUNDED = 2**63 - 1


def begin(
    resources: Resources, domain_id: str, client_id: str, app: App | None = None
) -> tuple[NewSession, RefreshToken]:
    """A session that the store may start, and the refresh token that goes with it.

    Args:
        resources: the parts of the service.
        domain_id: of the session.
        client_id: of the app or access key.
        app: whose rules it follows; `None` for an access key's: the service's.
    """
    now = resources.clock.now()
    token = RefreshToken(domain_id, resources.new_id(), _FIRST_GENERATION, os.urandom(SECRET_BYTES))
    absolute_at = now + _lifetime(resources, app)
    return (
        NewSession(
            domain_id=domain_id,
            client_id=client_id,
            session_id=token.session_id,
            secret_hash=token.secret_hash,
            now=now,
            expires_at=min(now + _idle(resources, app), absolute_at),
            absolute_at=absolute_at,
            event_id=resources.new_id(),
        ),
        token,
    )


def is_over(resources: Resources, app: App, session_id: UUID) -> str | None:
    """Why no session of that id lives, as far as its app tells without the database; `None` where it may.

    Those that an operator ended were begun until then; those that are older than the app allows now were begun under
    another rule.
    """
    begun = uuid7_time(session_id)
    if app.sessions_revoked_at is not None and begun <= app.sessions_revoked_at:
        return "app_revoked"
    if begun + _lifetime(resources, app) <= resources.clock.now():
        return "expired"
    return None


def rotation(resources: Resources, app: App, token: RefreshToken, scopes: tuple[str, ...]) -> Rotation:
    """The use of a refresh token as its app's rules have it.

    Args:
        resources: the parts of the service.
        app: who presents it.
        token: what is presented.
        scopes: those asked for; empty: all of the session.
    """
    now = resources.clock.now()
    grace_from, repeats = now - app.grace, app.grace_repeats
    if app.repeat_until_used:
        # The last token's successor is unused as long as it is the last one.
        grace_from, repeats = _LONG_AGO, _UNBOUNDED
    elif not app.grace:
        # Clocks differ: another process may have rotated later than it is here.
        grace_from = _NEVER
    return Rotation(
        domain_id=token.domain_id,
        session_id=token.session_id,
        client_id=app.client_id,
        secret_hash=token.secret_hash,
        generation=token.generation,
        scopes=scopes,
        now=now,
        grace_from=grace_from,
        grace_repeats=repeats,
        idle_until=min(now + _idle(resources, app), uuid7_time(token.session_id) + _lifetime(resources, app)),
        event_id=resources.new_id(),
    )


def _idle(resources: Resources, app: App | None) -> timedelta:
    return app.session_idle if app and app.session_idle is not None else resources.lifetimes.session_idle


def _lifetime(resources: Resources, app: App | None) -> timedelta:
    return app.session_lifetime if app and app.session_lifetime is not None else resources.lifetimes.session
