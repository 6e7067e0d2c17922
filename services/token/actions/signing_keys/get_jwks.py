"""GetJwks: the public keys of one issuer."""

from services.runtime.keys import VerificationKey
from services.token.errors import NotFoundDomain
from services.token.keys import ACCESS
from services.token.resources import Resources


async def get_jwks(resources: Resources, *, domain_id: str) -> list[VerificationKey]:
    """Keys of a domain's access tokens, the newest first; an empty id is the default domain's.

    Raises:
        NotFoundDomain: there is no such domain.
    """
    keys = resources.keyring.verification_keys(ACCESS, domain_id or resources.default_domain)
    if not keys and await resources.directory.domain(domain_id or resources.default_domain) is None:
        raise NotFoundDomain
    return keys
