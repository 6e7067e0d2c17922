"""GetServerMetadata: what an issuer offers (RFC 8414, OpenID Connect Discovery)."""

from dataclasses import dataclass

from services.runtime import jws
from services.runtime.auth import SCOPES
from services.token.actions.grants import GRANTS
from services.token.actions.phases.admission import RULES
from services.token.errors import NotFoundDomain
from services.token.keys import ACCESS
from services.token.model import OPENID, AuthMethod, Domain
from services.token.resources import Resources

CLAIMS = (
    "iss",
    "sub",
    "aud",
    "iat",
    "exp",
    "auth_time",
    "nonce",
    "at_hash",
    "sid",
    "name",
    "nickname",
    "preferred_username",
    "picture",
    "updated_at",
)
"""Claims of id tokens, and of GetUserInfo."""

PROMPTS = ("none", "login", "consent", "select_account")
"""What the pages for logging on do at an app's wish (OpenID Connect Core section 3.1.2.1)."""

LANGUAGES = ("en", "zh-CN")
"""What they speak."""


@dataclass(frozen=True, slots=True)
class ServerMetadata:
    """What an issuer offers.

    `proving_methods` are the ways of authentication that prove something: those of introspection. What is not here is
    the same for every issuer.
    """

    domain: Domain
    grant_types: tuple[str, ...]
    auth_methods: tuple[str, ...]
    proving_methods: tuple[str, ...]
    assertion_algorithms: tuple[str, ...]
    id_token_algorithms: tuple[str, ...]
    scopes: tuple[str, ...]


async def get_server_metadata(resources: Resources, *, domain_id: str, host: str) -> ServerMetadata:
    """Describe a domain: that of the id, or, where it is empty, of the host, or the default one.

    Raises:
        NotFoundDomain: there is no such domain.
    """
    domain = await resources.asked_for(domain_id, host)
    if domain is None:
        raise NotFoundDomain
    used = {method for rules in RULES.values() for method in rules.methods}
    methods = tuple(method for method in AuthMethod if method in used)
    # While a domain changes its algorithm, tokens of both are about.
    signing = {key.algorithm for key in resources.keyring.verification_keys(ACCESS, domain.domain_id)}
    return ServerMetadata(
        domain=domain,
        grant_types=tuple(GRANTS),
        auth_methods=methods,
        proving_methods=tuple(method for method in methods if method is not AuthMethod.NONE),
        assertion_algorithms=jws.ALGORITHMS,
        id_token_algorithms=tuple(algorithm for algorithm in jws.ALGORITHMS if algorithm in signing),
        scopes=tuple(dict.fromkeys((OPENID, *domain.scopes, *SCOPES))),
    )
