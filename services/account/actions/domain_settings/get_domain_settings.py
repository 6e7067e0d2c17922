"""GetDomainSettings: what a domain lets its users do with their identities."""

from services.account.model.domain_settings import DomainSettings
from services.account.resources import Resources
from services.runtime.auth import Principal


async def get_domain_settings(resources: Resources, caller: Principal) -> DomainSettings:
    """The settings of the caller's domain: the defaults where it never set any."""
    return await resources.store.select_domain_settings(caller.domain_id)
