"""GetJwks: the public keys of one issuer."""

from services.runtime.keys import VerificationKey
from services.token.errors import NotFoundDomain
from services.token.keys import ACCESS
from services.token.resources import Resources


async def get_jwks(resources: Resources, *, domain_id: str, host: str) -> list[VerificationKey]:
    """Keys of a domain's access tokens, the newest first.

    Args:
        resources: the parts of the service.
        domain_id: of the domain; empty: that of the host, or the default one.
        host: whom the request was sent to.

    Raises:
        NotFoundDomain: there is no such domain.
    """
    domain = await resources.asked_for(domain_id, host)
    if domain is None:
        raise NotFoundDomain
    if keys := resources.keyring.verification_keys(ACCESS, domain.domain_id):
        return keys
    # A domain of a moment ago, which began with keys: nobody is to keep an empty list of them.
    await resources.keyring.ask()
    return resources.keyring.verification_keys(ACCESS, domain.domain_id)
