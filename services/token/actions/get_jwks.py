"""GetJwks: the public keys of one issuer."""

from services.runtime.keys import VerificationKey
from services.token.actions.resources import Resources
from services.token.errors import DomainNotFound
from services.token.keys import ACCESS


async def get_jwks(domain_id: str, resources: Resources) -> list[VerificationKey]:
    """Keys of a domain's access tokens, the newest first; an empty id is the default domain's.

    Raises:
        DomainNotFound: there is no such domain.
    """
    keys = resources.keyring.verification_keys(ACCESS, domain_id or resources.default_domain)
    if not keys and await resources.directory.domain(domain_id or resources.default_domain) is None:
        raise DomainNotFound
    return keys
