"""Nobody gives what he does not have (ADR 0011): how far an app, or whoever changes one, may get."""

from collections.abc import Iterable

from services.runtime.auth import SCOPES, Principal
from services.runtime.errors import FieldInvalid, PermissionDenied
from services.token.errors import EtagMismatch
from services.token.model import PUSH_PERMISSIONS, App, check_permissions
from services.token.records import Record
from services.token.store import Statements


def opened(scopes: Iterable[str]) -> frozenset[str]:
    """The permissions that scopes open, to users who have them."""
    return frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in scopes))


def check_reach(
    caller: Principal, *, permissions: Iterable[str], scopes: Iterable[str], push_access_ids: Iterable[int]
) -> None:
    """Check that a caller holds all that an app may. Raises `PermissionDenied`.

    Who sets an app up could act as it; and through one that signs for users, get what their role has and a scope opens.
    """
    check_permissions(caller, permissions)
    check_permissions(caller, opened(scopes))
    if tuple(push_access_ids):
        check_permissions(caller, PUSH_PERMISSIONS)


def check_app_reach(caller: Principal, app: App) -> None:
    """Check that a caller holds all that this app may. Raises `PermissionDenied`."""
    check_reach(caller, permissions=app.permissions, scopes=app.scopes, push_access_ids=app.push_access_ids)


async def check_push_apps(store: Statements, domain_id: str, access_ids: Iterable[int]) -> None:
    """Check that push apps are the domain's, and enabled. Raises `FieldInvalid`."""
    for access_id in access_ids:
        if await store.select_push_app(domain_id, access_id) is None:
            raise FieldInvalid("push_access_ids")


def check_not_raised(caller: Principal, identifier: str, gained: Iterable[object]) -> None:
    """Check that no app or key gives itself anything. Raises `PermissionDenied`.

    Its token may be older than what was taken from it, and would bring that back.
    """
    if caller.responsible == identifier and tuple(gained):
        raise PermissionDenied(detail=f"{identifier} would raise itself")


def check_version(known: Record, version: int | None) -> None:
    """Check that a change is meant for this state; `None`: for whichever there is. Raises `EtagMismatch`."""
    if version not in (None, known.version):
        raise EtagMismatch
