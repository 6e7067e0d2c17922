"""UpdateDomain: how a domain signs, what it lets through, and how much."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from services.runtime.auth import ROLES, Principal
from services.runtime.errors import PermissionDenied
from services.token.actions.domains.known import EVERY, held_domain
from services.token.actions.phases.reach import check_version, opened
from services.token.errors import EtagMismatch
from services.token.events import EventName
from services.token.model import Domain, Event, check_permissions
from services.token.records import DomainRecord
from services.token.resources import Resources

# What a domain may use of what all share is not its own operator's to say.
_LIMITS = frozenset(("grants_per_second", "max_users", "max_apps"))


async def update_domain(
    resources: Resources, caller: Principal, *, domain_id: str, version: int | None, changes: Mapping[str, Any]
) -> DomainRecord:
    """Change a domain; everybody knows within a second.

    Args:
        resources: the parts of the service.
        caller: who calls.
        domain_id: the domain.
        version: of the state that is meant; `None`: whichever there is.
        changes: new values by field of `Domain`.

    Returns:
        The domain as it is now.

    Raises:
        NotFoundDomain: there is none that the caller may know.
        PermissionDenied: a limit without `token.domain`; what would open more than the caller may.
        EtagMismatch: it was changed meanwhile.
    """
    now = resources.clock.now()
    async with resources.store.transaction() as store:
        known = await held_domain(store, caller, domain_id)
        check_version(known.record, version)
        changed = replace(known, domain=replace(known.domain, **changes))
        names = sorted(name for name in changes if getattr(known.domain, name) != getattr(changed.domain, name))
        if not names:
            return known
        _check(caller, known.domain, changed.domain, names)
        stored = await store.update_domain(changed, now)
        if stored is None:
            raise EtagMismatch
        await store.notify_change("domain", domain_id)
        await store.insert_audit(
            Event(
                domain_id,
                resources.new_id(),
                EventName.DOMAIN_UPDATED,
                actor=caller.responsible,
                detail=", ".join(names),
            )
        )
    return stored


def _check(caller: Principal, before: Domain, after: Domain, names: Iterable[str]) -> None:
    if _LIMITS.intersection(names) and EVERY not in caller.permissions:
        raise PermissionDenied(detail=f"a limit is set by who holds {EVERY}")
    check_permissions(caller, opened(set(after.scopes).difference(before.scopes)))
    if after.impersonate_superadmins and not before.impersonate_superadmins:
        check_permissions(caller, ROLES["superadmin"])
