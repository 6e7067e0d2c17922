"""Browsers in which a user is logged on."""

from services.account.model.logon import BrowserSession, new_session
from services.account.resources import Resources

_MAX_BROWSER_CHARS = 120


async def start_session(resources: Resources, domain_id: str, *, user_id: str, method: str, browser: str) -> str:
    """Log a browser on; what it keeps. Always a new session: one that somebody put there before is worth nothing."""
    session_id = resources.new_id()
    value, secret_hash = new_session(session_id)
    session = BrowserSession(
        session_id=session_id,
        secret_hash=secret_hash,
        user_id=user_id,
        method=method,
        browser=browser[:_MAX_BROWSER_CHARS],
        proven_at=resources.clock.now(),
    )
    await resources.store.insert_logon_session(domain_id, session)
    return value
