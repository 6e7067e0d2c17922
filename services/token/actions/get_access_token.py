"""GetAccessToken: tokens of a user for a server that knows the user, as the vendor's."""

from services.runtime.auth import Principal
from services.token.actions.issue_token import issue_token
from services.token.model import Actor, Issued, Proof
from services.token.resources import Resources


async def get_access_token(resources: Resources, caller: Principal, *, user_id: str) -> Issued:
    """Start a session of a user of the caller's domain, for which the caller acts.

    Raises:
        NotFoundUser, UserDisabled, ImpersonationRefused, UnauthorizedClient: as `issue_token` says.
    """
    # Who acts through somebody else is named through any number of steps.
    actor = Actor(caller.actor or caller.subject, caller.role, tuple(sorted(caller.scopes)), caller.permissions)
    return await issue_token(
        resources,
        domain_id=caller.domain_id,
        user_id=user_id,
        client_id=caller.client_id,
        proof=Proof("impersonation", ""),
        actor=actor,
        grant="get_access_token",
    )
