"""GetServerMetadata: what an issuer offers (RFC 8414)."""

from services.token.actions.resources import Resources
from services.token.errors import DomainNotFound
from services.token.model import Domain


async def get_server_metadata(domain_id: str, resources: Resources) -> Domain:
    """The domain that is described; an empty id is the default domain's. Raises `DomainNotFound`."""
    domain = await resources.directory.domain(domain_id or resources.default_domain)
    if domain is None:
        raise DomainNotFound
    return domain
