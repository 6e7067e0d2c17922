"""LinkAccount: who may vouch for an identity, or proves it, links it to a user, and gets a Token of that user."""

import structlog

from services.account.actions.links.proven import ending, linked
from services.account.errors import IdentityTaken, LinkUserRefused, NotFoundLink, NotFoundLinkUser, ProofRefused
from services.account.model import Identity
from services.account.model.proofs import Presented
from services.account.peers import Actor, Proof, Token
from services.account.resources import Resources
from services.runtime.auth import Principal, reachable_roles
from services.runtime.errors import Refusal

log = structlog.get_logger()


async def link_account(
    resources: Resources,
    caller: Principal,
    *,
    user_id: str,
    identity: Identity,
    own_user: str | None,
    proof: Presented | None,
) -> Token:
    """Link an identity to a user of the caller's domain and have a Token issued for that user.

    The link is one statement. It stands also where the Token then cannot be had: the repeated call keeps it and
    answers the Token. Token judges the user a second time when it issues, so that a user who was disabled in between
    gets none; that judgement is all that is asked for where the link is there already (docs/adr/0049). And the link is
    looked at once more after it, so that nobody gets a Token for what is another's by then; the session that token
    began for it ends (docs/adr/0040).

    Args:
        resources: the parts of the service.
        caller: whose domain it is, and whose reach bounds the Token's.
        user_id: the user.
        identity: what to link.
        own_user: the one user whom the caller may link to, who then needs a proof; `None`: everybody.
        proof: what is to prove that the identity is the user's; whoever presents one, it must be good.

    Raises:
        NotFoundLinkUser: the domain has no such user, or none that the caller may see; nothing is linked.
        LinkUserRefused: the user is disabled; or, where it does not call itself, a superadmin, or of a role that the
            caller does not reach; nothing is linked.
        ProofRefused: there is no good proof; nothing is linked, unless an unlink, of whichever identity of the user,
            ended the proof while the token was issued: then there is no Token, and the link stands.
        IdentityTaken: it is linked to another user, perhaps only meanwhile.
        LinkQuotaExceeded: the user has as many identities as it may.
        NotFoundLink: it was taken away meanwhile.
        Unavailable: token or database away, or the same proof was presented just now.
    """
    if own_user is not None:
        if own_user != user_id:
            raise NotFoundLinkUser
        if proof is None:
            raise ProofRefused(detail="no proof")
    if proof is not None or not await _is_linked(resources, caller, user_id, identity):
        user = await resources.token.get_user(caller.domain_id, user_id)
        if user.status != "enabled" or not _reaches(caller, user_id, user.role):
            raise LinkUserRefused(detail=f"{user_id} is {user.role}, {user.status}")
        await linked(resources, caller, user_id, identity, proof)
    token: Token | None = None
    try:
        async with ending(resources, caller.domain_id, proof):
            # Also where the caller is the user itself: its token may hold less than the user could.
            token = await resources.token.issue_token(
                caller.domain_id,
                user_id,
                caller.client_id,
                Proof(proof.kind if proof else "link", identity.given),
                # Who acts through somebody else is named through any number of steps.
                Actor(caller.actor or caller.subject, caller.role, caller.scopes, caller.permissions),
            )
            await _look_again(resources, caller, user_id, identity)
    except BaseException:
        if token is not None:
            await _discard(resources, caller, token)
        raise
    return token


def _reaches(caller: Principal, user_id: str, role: str) -> bool:
    """Whether a caller may give a user an identity: who has it will log on as the user (docs/adr/0051)."""
    if caller.kind == "user" and caller.subject == user_id and not caller.actor:
        return True
    return role != "superadmin" and role in reachable_roles(caller)


async def _look_again(resources: Resources, caller: Principal, user_id: str, identity: Identity) -> None:
    link = await resources.store.select_link(caller.domain_id, identity)
    if link is None:
        raise NotFoundLink(detail="taken away while the token was issued")
    if link.user_id != user_id:
        raise IdentityTaken(detail="another user's since the token was issued")


async def _discard(resources: Resources, caller: Principal, token: Token) -> None:
    """End a session whose tokens nobody gets. One call and no order: where it fails, the session ends by its time."""
    try:
        await resources.token.discard_token(caller.domain_id, caller.client_id, token.refresh_token)
    except Refusal as error:
        # The caller is told why its own call failed.
        log.warning("a session stays that nobody has tokens of", problem=str(error))


async def _is_linked(resources: Resources, caller: Principal, user_id: str, identity: Identity) -> bool:
    """Whether an identity is a user's already. Nothing is written or locked for it."""
    link = await resources.store.select_link(caller.domain_id, identity)
    return link is not None and link.user_id == user_id
