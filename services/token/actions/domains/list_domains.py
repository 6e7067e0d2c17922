"""ListDomains: a page of all domains."""

from services.token.records import DomainRecord
from services.token.resources import Resources


async def list_domains(resources: Resources, *, after: str, limit: int) -> list[DomainRecord]:
    """Domains in the order of their ids, from the one behind `after`."""
    return await resources.store.select_domain_records(after, limit)
