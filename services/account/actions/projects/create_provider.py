"""CreateProvider: an identity provider of a project."""

from services.account.actions.projects.get_provider import get_provider
from services.account.actions.reach import check_reach
from services.account.errors import AlreadyExistsProvider
from services.account.model import Provider
from services.account.resources import Resources
from services.runtime.auth import Principal


async def create_provider(
    resources: Resources, caller: Principal, *, provider: Provider, made_by: bytes | None
) -> Provider:
    """Register a provider, and answer it as it is now.

    Args:
        resources: the parts of the service.
        caller: who calls; the provider is of its domain.
        provider: what it is to be.
        made_by: tells the call; `None`: it is not to be told from any other.

    Raises:
        NotFoundProject: the domain has no such project.
        AlreadyExistsProvider: the project has one of that name, and this call did not make it.
        PermissionDenied: it would be asked in a network that the caller may not open.
        FieldInvalid: another provider of that name takes links.
    """
    check_reach(caller, private_addresses=provider.private_addresses)
    if not await resources.store.insert_provider(provider, made_by) and (
        made_by is None or not await resources.store.select_provider_made_by(provider, made_by)
    ):
        raise AlreadyExistsProvider
    return await get_provider(resources, caller, project_id=provider.project_id, idp=provider.idp)
