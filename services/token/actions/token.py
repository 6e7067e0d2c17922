"""Token: the token endpoint. The phases that every grant goes through stand here, in order."""

import asyncio

from services.runtime.errors import Refusal
from services.token.actions.grants import ALIASES, GRANTS, refresh_token
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
    proven = taken = refusals.is_proven(client)
    try:
        await admission.admit(resources, client, grant_type)
        resources.keyring.check(client.domain.domain_id)
        if not proven:
            limited = client.domain.grants_per_second is not None
            if limited and grant_type == admission.REFRESH_TOKEN and request.refresh_token:
                await refresh_token.look(resources, request)
            resources.limits.take(client.domain)
            taken = True
        return await answer(resources, client, request)
    except (Refusal, asyncio.CancelledError):
        # Whoever knows an id could use the grants of its domain up. An assertion that is none is found out at once, a
        # code soon, a refresh token before anything is taken: little is held meanwhile, and nothing by who goes away.
        if taken and not proven:
            resources.limits.give_back(client.domain)
        raise
