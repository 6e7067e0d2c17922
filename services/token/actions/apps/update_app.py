"""UpdateApp: what an app is called, may, and how its sessions live."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.runtime.auth import Principal
from services.token.actions.apps.known import held_app
from services.token.actions.phases.reach import check_app_reach, check_not_raised, check_push_apps, check_version
from services.token.errors import EtagMismatch
from services.token.events import EventName
from services.token.model import App, Event
from services.token.records import AppRecord
from services.token.resources import Resources

_REACH = ("permissions", "scopes", "push_access_ids")


async def update_app(
    resources: Resources, caller: Principal, *, client_id: str, version: int | None, changes: Mapping[str, Any]
) -> AppRecord:
    """Change an app of the caller's domain. What it loses, access tokens that are out lose with it: they are revoked.

    Args:
        resources: the parts of the service.
        caller: who calls.
        client_id: the app.
        version: of the state that is meant; `None`: whichever there is.
        changes: new values by field of `App`.

    Returns:
        The app as it is now.

    Raises:
        NotFoundApp: the domain has no such app.
        PermissionDenied: the app would hold what the caller does not; it calls itself, and would hold more.
        EtagMismatch: it was changed meanwhile.
        FieldInvalid: a push app that is not the domain's.
    """
    domain_id, now = caller.domain_id, resources.clock.now()
    async with resources.store.transaction() as store:
        known = await held_app(store, domain_id, client_id)
        check_version(known.record, version)
        changed = replace(known, app=replace(known.app, **changes))
        names = sorted(name for name in changes if getattr(known.app, name) != getattr(changed.app, name))
        if not names:
            return known
        check_app_reach(caller, changed.app)
        check_not_raised(caller, client_id, _reach(changed.app) - _reach(known.app))
        added = set(changed.app.push_access_ids).difference(known.app.push_access_ids)
        await check_push_apps(store, domain_id, added)
        stored = await store.update_app(changed, now)
        if stored is None:
            raise EtagMismatch
        if _reach(known.app) - _reach(changed.app):
            await store.insert_revocation(domain_id, resources.new_id(), kind="app", subject=client_id, now=now)
        await store.notify_change("app", client_id)
        await store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName.APP_UPDATED,
                client_id,
                actor=caller.responsible,
                detail=", ".join(names),
            )
        )
    resources.directory.forget_app(client_id)
    return stored


def _reach(app: App) -> set[tuple[str, Any]]:
    return {(name, value) for name in _REACH for value in getattr(app, name)}
