"""Which domains a caller knows."""

from services.runtime.auth import Principal
from services.token.errors import NotFoundDomain
from services.token.records import DomainRecord
from services.token.store import Statements

EVERY = "token.domain"
"""The permission that reaches every domain."""


async def known_domain(store: Statements, caller: Principal, domain_id: str) -> DomainRecord:
    """The domain of that id; another's is as good as none. Raises `NotFoundDomain`."""
    if domain_id != caller.domain_id and EVERY not in caller.permissions:
        raise NotFoundDomain
    known = await store.select_domain_record(domain_id)
    if known is None:
        raise NotFoundDomain
    return known


async def held_domain(store: Statements, caller: Principal, domain_id: str) -> DomainRecord:
    """The same, and nobody else changes it until the transaction ends. Raises `NotFoundDomain`."""
    await known_domain(store, caller, domain_id)
    await store.lock_domain(domain_id)
    return await known_domain(store, caller, domain_id)
