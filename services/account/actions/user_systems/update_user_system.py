"""UpdateUserSystem: how a user system is set up."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from services.account.actions.reach import check_reach
from services.account.actions.user_systems.get_user_system import get_user_system
from services.account.errors import ChangedMeanwhile
from services.account.model.user_systems import FIXED, LdapSettings, UserSystem
from services.account.resources import Resources
from services.runtime.auth import Principal
from services.runtime.errors import FieldInvalid, FieldMissing


async def update_user_system(
    resources: Resources,
    caller: Principal,
    *,
    user_system_id: str,
    version: int | None,
    changes: Mapping[str, Any],
    check: Callable[[UserSystem], UserSystem],
) -> UserSystem:
    """Change a user system, and answer it as it is now.

    Args:
        resources: the parts of the service.
        caller: whose domain it is.
        user_system_id: its id.
        version: of the state that is meant; `None`: whichever there is.
        changes: new values by field.
        check: whether the fields then go together; raises `FieldInvalid`, `FieldMissing`.

    Raises:
        NotFoundUserSystem: there is no such user system.
        ChangedMeanwhile: it is not of that version, or was changed in this moment.
        PermissionDenied: it would be asked in a network that the caller may not open.
        FieldInvalid: the fields do not go together, or what does not change would.
        FieldMissing: a directory elsewhere would be told the password that is kept.
    """
    known = await get_user_system(resources, caller, user_system_id=user_system_id)
    if version not in (None, known.version):
        raise ChangedMeanwhile
    changed = check(replace(known, **changes))
    _check_fixed(known, changed)
    if changed == known:
        return known
    check_reach(caller, private_addresses=changed.private_addresses)
    new_secret = "secret" in changes
    if known.has_secret and not new_secret and _is_elsewhere(known, changed):
        raise FieldMissing("user_system.secret", "A directory at another address is told no secret of before.")
    stored = await resources.store.update_user_system(changed, resources.clock.now(), new_secret=new_secret)
    if stored is None:
        raise ChangedMeanwhile
    return stored


def _check_fixed(known: UserSystem, changed: UserSystem) -> None:
    """What says whose an identity is stays: it must never come to mean somebody else."""
    if changed.type != known.type:
        raise FieldInvalid(f"user_system.{changed.type}", f"The user system is of type {known.type}.")
    for name in FIXED.get(known.type, ()):
        if getattr(changed.settings, name) != getattr(known.settings, name):
            raise FieldInvalid(f"user_system.{known.type}.{name}", f"{name} does not change: make another user system.")


def _is_elsewhere(known: UserSystem, changed: UserSystem) -> bool:
    """Whether the secret would be told to another server. All other types' are fixed, or the vendor's."""
    before, after = known.settings, changed.settings
    return isinstance(before, LdapSettings) and isinstance(after, LdapSettings) and before.url != after.url
