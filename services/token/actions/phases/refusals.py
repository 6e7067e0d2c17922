"""What the audit log says of a refusal that was found here; what the database's functions refuse they write themselves.

Who proved nothing makes no rows: a stranger could fill the log. Proven is a client that authenticated itself, and a
signer whose key verified an assertion, whatever stands in it.
"""

from services.token.actions.phases.clients import Client
from services.token.events import EventName
from services.token.model import AuthMethod, Event
from services.token.resources import Resources


def is_proven(client: Client) -> bool:
    """Whether a client brought more than its id."""
    return client.method is not AuthMethod.NONE


async def write(
    resources: Resources, client: Client, event: EventName, rule: str, *, user_id: str | None = None
) -> None:
    """Write down that a client was refused.

    Args:
        resources: the parts of the service.
        client: who proved itself, by itself or by what it signed.
        event: what was refused.
        rule: why, in a word; nothing that was sent.
        user_id: of whom, where it is a user's id.
    """
    await resources.store.insert_audit(
        Event(
            client.domain.domain_id,
            resources.new_id(),
            event,
            client.app.client_id,
            user_id=user_id,
            detail=rule,
        )
    )
