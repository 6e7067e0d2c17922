"""What the audit log says of a refusal that was found here; what the database's functions refuse they write themselves.

Who proved nothing makes no rows: a stranger could fill the log. Proven is a client that authenticated itself, and a
signer whose key verified an assertion, whatever stands in it.
"""

import structlog

from services.runtime.auth import Principal
from services.runtime.errors import Refusal
from services.token.actions.phases.clients import Client
from services.token.events import EventName
from services.token.model import AuthMethod, Event
from services.token.resources import Resources

log = structlog.get_logger()


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


async def write_denied(resources: Resources, caller: Principal, method: str) -> None:
    """Write down that a verified caller may not make a call, which is refused also where this cannot be written.

    Args:
        resources: the parts of the service.
        caller: who called.
        method: `/package.Service/Rpc`.
    """
    try:
        await resources.store.insert_audit(
            Event(
                caller.domain_id,
                resources.new_id(),
                EventName.ACCESS_REFUSED,
                caller.client_id or None,
                user_id=caller.subject if caller.kind == "user" else None,
                actor=caller.responsible,
                detail=method.rpartition("/")[2],
            )
        )
    except Refusal as error:
        log.warning("not audited", event_name=EventName.ACCESS_REFUSED, problem=str(error))
