"""BatchBind: binds tokens to accounts."""

from collections.abc import Sequence
from uuid import UUID

from services.binding.model import Kind, Once, Outcome, TokenAccounts, bound
from services.binding.resources import Resources
from services.runtime.auth import PushApp


async def batch_bind(
    resources: Resources, push_app: PushApp, *, kind: Kind, entries: Sequence[TokenAccounts], once: Once | None
) -> UUID:
    """Bind each token to its accounts, in as many transactions as it takes; those of a token in one.

    Args:
        resources: the service's parts.
        push_app: the caller's, with the settings that bind its calls.
        kind: `REPLACE` what a token has, or `ADD` to it.
        entries: tokens with accounts; they take effect one after the other.
        once: tells the call from others, where it may be made again.

    Returns:
        The id by which the feed tells of it. All of it is committed.

    Raises:
        FieldInvalid: the id that tells the call was another request's.
        Unavailable, Overloaded: parts of it may be applied.
    """
    outcome = Outcome(resources.new_id(), ())
    return (await resources.changes.apply(push_app, bound(kind, entries), outcome, once)).operation_id
