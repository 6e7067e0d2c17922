"""The access key that a call is about."""

from services.token.errors import NotFoundAccessKey
from services.token.model import ID
from services.token.records import AccessKeyRecord
from services.token.store import Statements


async def known_access_key(store: Statements, domain_id: str, access_key_id: str) -> AccessKeyRecord:
    """The domain's access key of that id. Raises `NotFoundAccessKey`."""
    known = await store.select_access_key_record(domain_id, access_key_id) if ID.fullmatch(access_key_id) else None
    if known is None:
        raise NotFoundAccessKey
    return known


async def held_access_key(store: Statements, domain_id: str, access_key_id: str) -> AccessKeyRecord:
    """The same, and nobody else changes it until the transaction ends. Raises `NotFoundAccessKey`."""
    if ID.fullmatch(access_key_id):
        await store.lock_access_key(domain_id, access_key_id)
    return await known_access_key(store, domain_id, access_key_id)
