"""Token: the token endpoint. The phases that every grant goes through stand here, in order."""

from services.token.actions.grants import ALIASES, GRANTS
from services.token.actions.phases import admission, clients
from services.token.errors import UnsupportedGrantType
from services.token.model import Issued, TokenRequest
from services.token.resources import Resources


async def token(resources: Resources, *, request: TokenRequest) -> Issued:
    """Answer a grant.

    What a client that proved itself was refused is audited; what the database's functions refuse they audit
    themselves. A stranger makes no rows.

    Raises:
        UnsupportedGrantType: there is no such grant.
        InvalidRequest, InvalidClient, UnauthorizedClient, InvalidScope, InvalidGrant, InvalidRefreshToken,
        InvalidTarget, FieldMissing: as the phases and the grants say.
        Unavailable: nothing can be signed now; nothing was used up.
    """
    grant_type = ALIASES.get(request.grant_type, request.grant_type)
    answer = GRANTS.get(grant_type)
    if answer is None:
        raise UnsupportedGrantType(detail=f"grant_type {grant_type[:64]!r}")
    client = await clients.authenticate(resources, request)
    await admission.admit(resources, client, grant_type)
    resources.keyring.check(client.domain.domain_id)
    return await answer(resources, client, request)
