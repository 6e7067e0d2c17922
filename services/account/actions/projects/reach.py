"""Where a provider may be."""

from services.account.model import Provider
from services.runtime.auth import Principal
from services.runtime.errors import PermissionDenied

_PRIVATE = "account.provider.private"


def check_reach(caller: Principal, provider: Provider) -> None:
    """Raises `PermissionDenied` where a provider would be asked in a network that the caller may not open.

    An operator of a domain is a tenant: what we reach beside the internet is none of its business.
    """
    if provider.private_addresses and _PRIVATE not in caller.permissions:
        raise PermissionDenied(detail=f"private_addresses without {_PRIVATE}")
