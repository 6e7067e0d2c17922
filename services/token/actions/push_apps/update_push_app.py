"""UpdatePushApp: what a push app is called, how it binds, and whether it may authenticate."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.runtime.auth import Principal
from services.token.actions.phases.reach import check_version
from services.token.actions.push_apps.known import held_push_app
from services.token.errors import EtagMismatch
from services.token.events import EventName
from services.token.model import Event
from services.token.records import PushAppRecord
from services.token.resources import Resources


async def update_push_app(
    resources: Resources, caller: Principal, *, access_id: int, version: int | None, changes: Mapping[str, Any]
) -> PushAppRecord:
    """Change a push app of the caller's domain; everybody knows within a second.

    Args:
        resources: the parts of the service.
        caller: who calls.
        access_id: the push app.
        version: of the state that is meant; `None`: whichever there is.
        changes: new values by field of `PushAppRecord`.

    Returns:
        The push app as it is now.

    Raises:
        NotFoundPushApp: the domain has no such push app.
        EtagMismatch: it was changed meanwhile.
    """
    domain_id, now = caller.domain_id, resources.clock.now()
    async with resources.store.transaction() as store:
        known = await held_push_app(store, domain_id, access_id)
        check_version(known.record, version)
        changed = replace(known, **changes)
        names = sorted(name for name in changes if getattr(known, name) != getattr(changed, name))
        if not names:
            return known
        stored = await store.update_push_app(domain_id, changed, now)
        if stored is None:
            raise EtagMismatch
        if known.enabled and not changed.enabled:
            await store.insert_revocation(domain_id, resources.new_id(), kind="app", subject=str(access_id), now=now)
        await store.notify_change("push_app", str(access_id))
        detail = ", ".join(names)
        await store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName.PUSH_APP_UPDATED,
                str(access_id),
                actor=caller.responsible,
                detail=detail,
            )
        )
    return stored
