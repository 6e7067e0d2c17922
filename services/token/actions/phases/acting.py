"""Sessions in which somebody acts for a user last no longer than he may, and reach no further (docs/adr/0011)."""

from dataclasses import replace
from datetime import datetime

from services.runtime.auth import ROLES
from services.runtime.ids import uuid7_time
from services.token.actions.phases.clients import Client
from services.token.model import Actor, Session, lower_role
from services.token.resources import Resources

PERMISSION = "token.impersonate"


async def bounded(resources: Resources, client: Client, session: Session) -> Session | None:
    """A session as its actor may go on with it; `None` where he may not. One without an actor stays as it is.

    Of sessions with a user as their actor this costs a look at that user; others' clients are known.

    Args:
        resources: the parts of the service.
        client: whose session it is.
        session: as the store has it now.
    """
    if session.actor is None:
        return session
    # Who was made one meanwhile, too.
    if session.user_role == "superadmin" and not client.domain.impersonate_superadmins:
        return None
    actor = await _actor(resources, client, session.actor, uuid7_time(session.session_id))
    if actor is None or PERMISSION not in actor.permissions:
        return None
    highest = actor.highest_role
    return replace(session, role_cap=lower_role(session.role_cap, highest) if session.role_cap else highest)


async def _actor(resources: Resources, client: Client, subject: str, begun: datetime) -> Actor | None:
    """Who acts, with what he may now; `None` where there is nobody, a user who is disabled or was stopped."""
    # An app that signs for its domain acts in the domain's name.
    if subject in (client.app.client_id, client.domain.domain_id):
        return Actor(subject, "", (), frozenset(client.app.permissions))
    user = await resources.store.select_user(client.domain.domain_id, subject)
    if user is None or user.status != "enabled" or (user.acts_since and begun <= user.acts_since):
        return None
    return Actor(subject, user.role, (), ROLES[user.role])
