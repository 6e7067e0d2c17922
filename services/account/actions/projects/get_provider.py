"""GetProvider: how a provider is set up."""

from services.account.errors import NotFoundProvider
from services.account.model import Provider
from services.account.resources import Resources
from services.runtime.auth import Principal


async def get_provider(resources: Resources, caller: Principal, *, project_id: str, idp: str) -> Provider:
    """The provider of that name in the caller's domain. Raises `NotFoundProvider`."""
    provider = await resources.store.select_provider(caller.domain_id, project_id, idp)
    if provider is None:
        raise NotFoundProvider
    return provider
