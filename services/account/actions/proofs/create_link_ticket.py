"""Link tickets: a logon with an identity proves it, in the browser session in which it is to be linked."""

from services.account.model import Identity
from services.account.model.proofs import TICKET, Presented, new_ticket
from services.account.resources import Resources


async def create_link_ticket(
    resources: Resources, *, domain_id: str, user_id: str, session_id: str, identity: Identity
) -> str:
    """Make a ticket of a logon that was just verified.

    It is a logon's to call, with what the provider told the server, never with what a browser says.

    Args:
        resources: the parts of the service.
        domain_id: the user's.
        user_id: who was logged on in this browser before, and wants to link the identity.
        session_id: that user's session (`sid`) in this browser.
        identity: what was proven.

    Returns:
        The ticket: good once, for 10 minutes, in that session.

    Raises:
        ValueError: there is no session: an access token that has none would fit.
    """
    if not session_id:
        msg = "a ticket is bound to a session"
        raise ValueError(msg)
    proof_id = resources.new_id()
    ticket, secret = new_ticket(proof_id)
    mac = resources.proof_key.mac(domain_id, user_id, identity, Presented(TICKET, proof_id, secret), session_id)
    await resources.store.insert_ticket(domain_id, proof_id, user_id, identity, mac, now=resources.clock.now())
    return ticket
