"""Browsers in which a user is logged on."""

import hashlib

from services.account.model.bearers import new_bearer
from services.account.model.logon import BrowserSession
from services.account.resources import Resources

_MAX_BROWSER_CHARS = 120


async def start_session(resources: Resources, domain_id: str, *, user_id: str, method: str, browser: str) -> str:
    """Log a browser on; what it keeps. Always a new session: one that somebody put there before is worth nothing."""
    session_id = resources.new_id()
    value, secret = new_bearer(session_id)
    session = BrowserSession(
        session_id=session_id,
        secret_hash=hashlib.sha256(secret).digest(),
        user_id=user_id,
        method=method,
        browser=browser[:_MAX_BROWSER_CHARS],
        proven_at=resources.clock.now(),
    )
    await resources.store.insert_logon_session(domain_id, session)
    return value
