"""BatchUnbind: unbinds tokens from accounts."""

from collections.abc import Sequence
from uuid import UUID

from services.binding.model import Once, Outcome, Row, unbound
from services.binding.resources import Resources
from services.runtime.auth import PushApp


async def batch_unbind(resources: Resources, push_app: PushApp, *, rows: Sequence[Row], once: Once | None) -> UUID:
    """Unbind what is bound of it, in as many transactions as it takes.

    Args:
        resources: the service's parts.
        push_app: the caller's.
        rows: a token with an account; without one, with all; without a token, all of the account's.
        once: tells the call from others, where it may be made again.

    Returns:
        The id by which the feed tells of it. All of it is committed.

    Raises:
        FieldInvalid: the id that tells the call was another request's.
        Unavailable, Overloaded: parts of it may be applied.
    """
    outcome = Outcome(resources.new_id(), ())
    return (await resources.changes.apply(push_app, unbound(rows), outcome, once)).operation_id
