"""BatchOperateAccounts: binds and unbinds."""

from datetime import datetime

from services.binding.model import (
    Bind,
    ClearAccounts,
    ClearTokens,
    Code,
    Operation,
    Unbind,
    bound_by,
    code_of,
    good,
    unbound_by,
)
from services.binding.store import Store
from services.runtime.auth import PushApp


async def batch_operate_accounts(store: Store, push_app: PushApp, now: datetime, operation: Operation) -> list[Code]:
    """Apply what is well-formed of an operation; entries that failed before stay failed.

    Args:
        store: where bindings are.
        push_app: the caller's, with the settings that bind its calls.
        now: when.
        operation: what to do.

    Returns:
        The code of each entry, in the order of the request. What was applied is committed.
    """
    app_id, cap = push_app.access_id, push_app.tokens_per_account
    match operation:
        case Bind(entries, may_add):
            if may_add and push_app.append_enabled:
                await store.add_accounts(app_id, cap, now, bound_by(good(entries), adds=True))
            else:
                await store.overwrite_accounts(app_id, cap, now, bound_by(good(entries), adds=False))
        case Unbind(entries):
            await store.unbind_accounts(app_id, unbound_by(good(entries)))
        case ClearTokens(tokens):
            await store.clear_tokens(app_id, list(dict.fromkeys(good(tokens))))
        case ClearAccounts(accounts):
            await store.clear_accounts(app_id, list(dict.fromkeys(good(accounts))))
    return [code_of(entry) for entry in operation.entries]
