"""Where a provider, or a user system, may be."""

from services.runtime.auth import Principal
from services.runtime.errors import PermissionDenied

_PRIVATE = "account.provider.private"


def check_reach(caller: Principal, *, private_addresses: bool) -> None:
    """Raises `PermissionDenied` where somebody would be asked in a network that the caller may not open.

    An operator of a domain is a tenant: what we reach beside the internet is none of its business.
    """
    if private_addresses and _PRIVATE not in caller.permissions:
        raise PermissionDenied(detail=f"private_addresses without {_PRIVATE}")
