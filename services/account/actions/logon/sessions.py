"""Browsers in which a user is logged on."""

import hashlib
from typing import Literal
from uuid import UUID

from services.account.model import Order
from services.account.model.bearers import new_bearer
from services.account.model.logon import BrowserSession
from services.account.resources import Resources

_MAX_BROWSER_CHARS = 120


async def start_session(
    resources: Resources, domain_id: str, *, user_id: str, method: str, way: str, browser: str
) -> str:
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
        user_system_id=way,
    )
    await resources.store.insert_logon_session(domain_id, session)
    return value


async def sign_out(resources: Resources, domain_id: str, user_id: str, session_id: UUID) -> None:
    """Log a browser of a user off, and end what apps were given in it. Idempotent; another's browser goes on.

    Raises:
        Unavailable: token is away: the browser is logged off, and the outbox does the rest.
    """
    order = _order(resources, domain_id, user_id, "end_browsers")
    async with resources.store.transaction() as store:
        await store.end_logon_session(domain_id, user_id, session_id, order.ordered_at)
        await store.insert_order(order, resources.outbox.due_at())
    await resources.outbox.end_browsers(order)


async def sign_out_everywhere(resources: Resources, domain_id: str, user_id: str, *, kept: UUID) -> None:
    """Log a user's browsers off but for one, and end all that apps were given, wherever that was. Idempotent.

    Raises:
        Unavailable: token is away: the browsers are logged off, and the outbox does the rest.
    """
    order = _order(resources, domain_id, user_id, "end_sessions")
    async with resources.store.transaction() as store:
        await store.end_logon_sessions(domain_id, user_id, order.ordered_at, kept=kept)
        await store.insert_order(order, resources.outbox.due_at())
    await resources.outbox.end_sessions(order)


def _order(resources: Resources, domain_id: str, user_id: str, kind: Literal["end_sessions", "end_browsers"]) -> Order:
    return Order(domain_id, user_id, kind, resources.new_id(), actor=user_id, ordered_at=resources.clock.now())
