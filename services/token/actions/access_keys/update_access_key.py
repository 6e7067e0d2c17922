"""UpdateAccessKey: what an access key is called, may, and whether it may be used."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.runtime.auth import Principal
from services.token.actions.access_keys.known import held_access_key
from services.token.actions.phases.reach import check_not_raised, check_version
from services.token.errors import EtagMismatch
from services.token.events import EventName
from services.token.model import Event, check_permissions
from services.token.records import AccessKeyRecord
from services.token.resources import Resources

_LIMITS = frozenset(("paths", "networks", "refuse_acs"))


async def update_access_key(
    resources: Resources, caller: Principal, *, access_key_id: str, version: int | None, changes: Mapping[str, Any]
) -> AccessKeyRecord:
    """Change an access key of the caller's domain. What it loses, tokens that were got by it lose: they are revoked.

    Args:
        resources: the parts of the service.
        caller: who calls.
        access_key_id: the key.
        version: of the state that is meant; `None`: whichever there is.
        changes: new values by field of `AccessKeyRecord`.

    Returns:
        The key as it is now.

    Raises:
        NotFoundAccessKey: the domain has no such key.
        PermissionDenied: the key would hold what the caller does not; it calls itself, and would hold more or have
            other limits.
        EtagMismatch: it was changed meanwhile.
    """
    domain_id, now = caller.domain_id, resources.clock.now()
    async with resources.store.transaction() as store:
        known = await held_access_key(store, domain_id, access_key_id)
        check_version(known.record, version)
        changed = replace(known, **changes)
        names = sorted(name for name in changes if getattr(known, name) != getattr(changed, name))
        if not names:
            return known
        before, after = _reach(known), _reach(changed)
        check_permissions(caller, after)
        # Whether another limit lets more through is not for the key itself to say.
        check_not_raised(caller, access_key_id, (after - before) | _LIMITS.intersection(names))
        stored = await store.update_access_key(domain_id, changed, now)
        if stored is None:
            raise EtagMismatch
        if before - after:
            await store.insert_revocation(domain_id, resources.new_id(), kind="app", subject=access_key_id, now=now)
        await store.notify_change("access_key", access_key_id)
        detail = ", ".join(names)
        await store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName.ACCESS_KEY_UPDATED,
                access_key_id,
                actor=caller.responsible,
                detail=detail,
            )
        )
    return stored


def _reach(key: AccessKeyRecord) -> frozenset[str]:
    return frozenset(key.permissions) if key.enabled else frozenset()
