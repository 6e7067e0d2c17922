"""Token: the token endpoint. The phases that every grant goes through stand here, in order."""

import asyncio

from services.runtime.errors import Refusal
from services.token.actions.grants import ALIASES, GRANTS
from services.token.actions.phases import admission, clients, refusals
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
        InvalidTarget, AuthorizationPending, SlowDown, AccessDenied, ExpiredToken, FieldMissing: as the phases and the
        grants say.
        LimitExceeded: the domain has had its grants of this second; nothing was used up.
        Unavailable: nothing can be signed now; nothing was used up.
    """
    grant_type = ALIASES.get(request.grant_type, request.grant_type)
    answer = GRANTS.get(grant_type)
    if answer is None:
        raise UnsupportedGrantType
    client = await clients.authenticate(resources, request, grant=True)
    try:
        await admission.admit(resources, client, grant_type)
        resources.keyring.check(client.domain.domain_id)
        return await answer(resources, client, request)
    except (Refusal, asyncio.CancelledError):
        # Whoever knows an id could use the grants of its domain up. A code, refresh token or assertion that is none is
        # found out before anything is waited for, or soon: little is held meanwhile, and nothing by who goes away.
        if not refusals.is_proven(client):
            resources.limits.give_back(client.domain)
        raise
