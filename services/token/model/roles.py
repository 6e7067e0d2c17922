"""Who may give what to whom: roles and permissions."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.runtime.auth import ROLES, Principal, beyond, reachable_roles
from services.runtime.errors import PermissionDenied


def lower_role(one: str, other: str) -> str:
    """The less powerful of two roles."""
    order = list(ROLES)
    return min(one, other, key=order.index)


def check_permissions(caller: Principal, permissions: Iterable[str]) -> None:
    """Nobody gives what he does not have. Raises `PermissionDenied`."""
    if lacking := beyond(caller.permissions, permissions):
        raise PermissionDenied(detail=f"{caller.kind} {caller.subject} does not hold {', '.join(sorted(lacking))}")


def endable_roles(caller: Principal) -> tuple[str, ...]:
    """Roles of the users whose sessions a caller may end: a user's are those up to its token's, anybody else's all."""
    return reachable_roles(caller) if caller.kind == "user" else tuple(ROLES)


def check_role(caller: Principal, role: str) -> None:
    """Nobody gives a role above his own, or with a permission that he does not hold. Raises `PermissionDenied`."""
    if role not in reachable_roles(caller):
        raise PermissionDenied(detail=f"{caller.kind} {caller.subject} is no {role}")
    check_permissions(caller, ROLES[role])


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts for a user. `role` and `scopes` are a user's; the reach of apps and access keys is `permissions`."""

    subject: str
    role: str
    scopes: tuple[str, ...]
    permissions: frozenset[str]

    @property
    def highest_role(self) -> str:
        """The most powerful role that a token got by this actor may have."""
        covered = [name for name, needed in ROLES.items() if not beyond(self.permissions, needed)]
        return self.role or covered[-1]
