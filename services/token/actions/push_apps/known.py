"""The push app that a call is about."""

from services.token.errors import NotFoundPushApp
from services.token.records import PushAppRecord
from services.token.store import Statements


async def known_push_app(store: Statements, domain_id: str, access_id: int) -> PushAppRecord:
    """The domain's push app of that id, enabled or not. Raises `NotFoundPushApp`."""
    known = await store.select_push_app_record(domain_id, access_id)
    if known is None:
        raise NotFoundPushApp
    return known


async def held_push_app(store: Statements, domain_id: str, access_id: int) -> PushAppRecord:
    """The same, and nobody else changes it until the transaction ends. Raises `NotFoundPushApp`."""
    await store.lock_push_app(domain_id, access_id)
    return await known_push_app(store, domain_id, access_id)
