"""BatchOperateAccounts: binds and unbinds."""

from collections.abc import Sequence

from services.binding.model import (
    Bind,
    Change,
    ClearAccounts,
    ClearTokens,
    Kind,
    Once,
    Operation,
    Outcome,
    Row,
    Unbind,
    bound,
    code_of,
    good,
    unbound,
)
from services.binding.resources import Resources
from services.runtime.auth import PushApp


async def batch_operate_accounts(
    resources: Resources, push_app: PushApp, *, operation: Operation, once: Once | None
) -> Sequence[str]:
    """Apply what is well-formed of an operation; entries that failed before stay failed.

    Args:
        resources: the service's parts.
        push_app: the caller's, with the settings that bind its calls.
        operation: what to do.
        once: tells the call from others, where it may be made again.

    Returns:
        The code of each entry, in the order of the request. What was applied is committed.

    Raises:
        FieldInvalid: the id that tells the call was another request's.
        Unavailable, Overloaded: parts of it may be applied.
    """
    change = _change(operation, adds=push_app.append_enabled)
    outcome = Outcome(resources.new_id(), [code_of(entry) for entry in operation.entries])
    return (await resources.changes.apply(push_app, change, outcome, once)).codes


def _change(operation: Operation, *, adds: bool) -> Change:
    match operation:
        case Bind(entries, may_add):
            return bound(Kind.ADD if may_add and adds else Kind.REPLACE, good(entries))
        case Unbind(entries):
            return unbound(Row(entry.token, account) for entry in good(entries) for account in entry.accounts)
        case ClearTokens(tokens):
            return unbound(Row(token, None) for token in good(tokens))
        case ClearAccounts(accounts):
            return unbound(Row(None, account) for account in good(accounts))
