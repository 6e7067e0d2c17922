"""GetLogonDomain: which domain a page for logging on is one of."""

from services.token.errors import NotFoundDomain
from services.token.model import Domain
from services.token.resources import Resources


async def get_logon_domain(resources: Resources, *, domain_id: str, host: str) -> Domain:
    """The domain of that id; empty: that of the host, or the default one. Raises `NotFoundDomain`."""
    domain = await resources.asked_for(domain_id, host)
    if domain is None:
        raise NotFoundDomain
    return domain
