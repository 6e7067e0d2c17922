"""BatchOperateAccounts: binds and unbinds."""

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
from services.runtime.clock import Clock


async def batch_operate_accounts(store: Store, clock: Clock, push_app: PushApp, *, operation: Operation) -> list[Code]:
    """Apply what is well-formed of an operation; entries that failed before stay failed.

    Args:
        store: where bindings are.
        clock: tells when.
        push_app: the caller's, with the settings that bind its calls.
        operation: what to do.

    Returns:
        The code of each entry, in the order of the request. What was applied is committed.
    """
    access_id, cap, now = push_app.access_id, push_app.tokens_per_account, clock.now()
    match operation:
        case Bind(entries, may_add):
            if may_add and push_app.append_enabled:
                await store.add_accounts(access_id, cap, now, bound_by(good(entries), adds=True))
            else:
                await store.overwrite_accounts(access_id, cap, now, bound_by(good(entries), adds=False))
        case Unbind(entries):
            await store.unbind_accounts(access_id, unbound_by(good(entries)))
        case ClearTokens(tokens):
            await store.clear_tokens(access_id, list(dict.fromkeys(good(tokens))))
        case ClearAccounts(accounts):
            await store.clear_accounts(access_id, list(dict.fromkeys(good(accounts))))
    return [code_of(entry) for entry in operation.entries]
