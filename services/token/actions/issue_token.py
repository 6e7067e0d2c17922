"""IssueToken: tokens for a user on behalf of somebody who may impersonate it, or of the user itself."""

from services.token.actions.phases import sessions, signing
from services.token.errors import ImpersonationRefused, NotFoundDomain, NotFoundUser, UnauthorizedClient, UserDisabled
from services.token.events import EventName
from services.token.model import Actor, Domain, Event, Issued, Proof
from services.token.resources import Resources

_ERRORS = {"no_user": NotFoundUser, "disabled": UserDisabled, "superadmin": ImpersonationRefused}


async def issue_token(
    resources: Resources,
    *,
    domain_id: str,
    user_id: str,
    client_id: str,
    proof: Proof,
    actor: Actor | None,
    refuse_superadmins: bool = False,
    grant: str = "issue_token",
) -> Issued:
    """Start a session of a user and issue its tokens.

    Its role is at most the actor's, its scopes are those of the client that the actor has too.

    Args:
        resources: the parts of the service.
        domain_id: the user's.
        user_id: who the tokens speak for.
        client_id: app or access key through which the caller acts.
        proof: how the user was proven.
        actor: who acts for the user; `None`: the user itself.
        refuse_superadmins: whether nobody acts for one, also where the domain allows it.
        grant: the noun of its events in the audit log.

    Raises:
        NotFoundDomain, NotFoundUser, UserDisabled: so it is.
        UnauthorizedClient: the client is not one of the domain's, or not admitted.
        ImpersonationRefused: a superadmin.
        LimitExceeded: the domain has had its grants of this second.
    """
    domain = await resources.directory.domain(domain_id)
    if domain is None:
        raise NotFoundDomain
    resources.keyring.check(domain_id)
    resources.limits.take(domain)
    scopes = await _scopes_of(resources, client_id, domain)
    if scopes is None:
        await resources.store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName[f"{grant.upper()}_REFUSED"],
                user_id=user_id,
                actor=actor.subject if actor else None,
                detail="client",
            )
        )
        raise UnauthorizedClient(detail=f"client {client_id!r} is not admitted to {domain_id}")
    # An app or access key whose id a user bears is not that user.
    acting = actor if actor and not (actor.role and actor.subject == user_id) else None
    # Nobody has more than the scopes of the token that he came with; also for himself. An access key comes with none.
    if actor and (actor.role or actor.scopes):
        scopes = tuple(scope for scope in scopes if scope in actor.scopes)
    new, refresh_token = sessions.begin(resources, domain_id, client_id, await resources.directory.app(client_id))
    verdict, session = await resources.store.start_session(
        new,
        grant,
        user_id,
        scopes,
        actor=acting,
        role_cap=actor.highest_role if actor else None,
        superadmins=acting is None or (domain.impersonate_superadmins and not refuse_superadmins),
        proof=proof,
    )
    if session is None:
        raise _ERRORS[verdict](detail=f"user {user_id!r}: {verdict}")
    return signing.for_session(resources, session, refresh_token, scopes, domain=domain, client_id=client_id)


async def _scopes_of(resources: Resources, client_id: str, domain: Domain) -> tuple[str, ...] | None:
    """Scopes that tokens may have which are got through a client: an app's own, or the domain's for access keys.

    `None` where there are to be no tokens: the client is not one of the domain's, or not admitted.
    """
    owner = await resources.directory.owner(client_id)
    if owner == (domain.domain_id, "access_key"):
        return domain.scopes
    app = await resources.directory.app(client_id)
    if app is None or app.domain_id != domain.domain_id or not app.admitted:
        return None
    return app.scopes
