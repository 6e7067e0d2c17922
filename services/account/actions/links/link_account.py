"""LinkAccount: an authorized caller links an identity to a user, and gets a Token of that user."""

from services.account.errors import IdentityTaken, LinkUserRefused, NotFoundLinkUser
from services.account.model import Identity
from services.account.peers import Actor, Proof, Token
from services.account.resources import Resources
from services.runtime.auth import Principal


async def link_account(resources: Resources, caller: Principal, *, user_id: str, identity: Identity) -> Token:
    """Link an identity to a user of the caller's domain and have a Token issued for that user.

    The link is one statement. It stands also where the Token then cannot be had: the repeated call keeps it and
    answers the Token. Token judges the user a second time when it issues, so that a user who was disabled in between
    gets none; and that judgement is all that is asked for where the link is there already (docs/adr/0049).

    Args:
        resources: the parts of the service.
        caller: whose domain it is, and whose reach bounds the Token's.
        user_id: the user.
        identity: what to link.

    Raises:
        NotFoundLinkUser: the domain has no such user; nothing is linked.
        LinkUserRefused: the user is disabled, or a superadmin; nothing is linked.
        IdentityTaken: it is linked to another user.
        Unavailable: token or database away.
    """
    if not await _is_linked(resources, caller, user_id, identity):
        await _link(resources, caller, user_id, identity)
    # Also where the caller is the user itself: its token may hold less than the user could.
    return await resources.token.issue_token(
        caller.domain_id,
        user_id,
        caller.client_id,
        Proof("link", identity.given),
        # Who acts through somebody else is named through any number of steps.
        Actor(caller.actor or caller.subject, caller.role, caller.scopes, caller.permissions),
    )


async def _is_linked(resources: Resources, caller: Principal, user_id: str, identity: Identity) -> bool:
    """Whether an identity is a user's already. Nothing is written or locked for it."""
    link = await resources.store.select_link(caller.domain_id, identity)
    return link is not None and link.user_id == user_id


async def _link(resources: Resources, caller: Principal, user_id: str, identity: Identity) -> None:
    """Link an identity to a user who may have one. Nothing is linked before token has judged it."""
    user = await resources.token.get_user(caller.domain_id, user_id)
    if user.status != "enabled" or user.role == "superadmin":
        raise LinkUserRefused(detail=f"{user_id} is {user.role}, {user.status}")
    verdict = await resources.store.link_identity(
        caller.domain_id,
        identity,
        user_id,
        now=resources.clock.now(),
        event_id=resources.new_id(),
        actor=caller.responsible,
    )
    if verdict == "gone":
        raise NotFoundLinkUser(detail=f"{user_id} was deleted meanwhile")
    if verdict == "taken":
        raise IdentityTaken
