"""The app that a call is about."""

from services.token.errors import NotFoundApp
from services.token.model import ID
from services.token.records import AppRecord
from services.token.store import Statements


async def known_app(store: Statements, domain_id: str, client_id: str) -> AppRecord:
    """The domain's app of that id. Raises `NotFoundApp`."""
    known = await store.select_app_record(domain_id, client_id) if ID.fullmatch(client_id) else None
    if known is None:
        raise NotFoundApp
    return known


async def held_app(store: Statements, domain_id: str, client_id: str) -> AppRecord:
    """The same, and nobody else changes it until the transaction ends. Raises `NotFoundApp`."""
    if ID.fullmatch(client_id):
        await store.lock_app(domain_id, client_id)
    return await known_app(store, domain_id, client_id)
