"""GetDomain: how a domain is set up."""

from services.runtime.auth import Principal
from services.token.actions.domains.known import known_domain
from services.token.records import DomainRecord
from services.token.resources import Resources


async def get_domain(resources: Resources, caller: Principal, *, domain_id: str) -> DomainRecord:
    """The domain of that id, where the caller may know it. Raises `NotFoundDomain`."""
    return await known_domain(resources.store, caller, domain_id)
