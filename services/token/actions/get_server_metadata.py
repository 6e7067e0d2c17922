"""GetServerMetadata: what an issuer offers (RFC 8414)."""

from dataclasses import dataclass

from services.token import jws
from services.token.actions.grants import GRANTS
from services.token.actions.phases.admission import RULES
from services.token.errors import NotFoundDomain
from services.token.model import AuthMethod
from services.token.resources import Resources


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """What an issuer offers, named as in RFC 8414 section 2."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    grant_types: tuple[str, ...]
    response_types: tuple[str, ...]
    auth_methods: tuple[str, ...]
    auth_signing_algs: tuple[str, ...]
    code_challenge_methods: tuple[str, ...]


async def get_server_metadata(resources: Resources, *, domain_id: str) -> ServerMetadata:
    """Describe a domain; an empty id is the default domain's. Raises `NotFoundDomain`."""
    domain = await resources.directory.domain(domain_id or resources.default_domain)
    if domain is None:
        raise NotFoundDomain
    used = {method for rules in RULES.values() for method in rules.methods}
    return ServerMetadata(
        issuer=domain.issuer,
        token_endpoint=domain.token_endpoint,
        jwks_uri=f"{domain.issuer}/.well-known/jwks.json",
        grant_types=tuple(GRANTS),
        response_types=("code",),
        auth_methods=tuple(method for method in AuthMethod if method in used),
        auth_signing_algs=jws.ALGORITHMS,
        code_challenge_methods=("S256",),
    )
