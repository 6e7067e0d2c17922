"""ListTrustedKeys: a page of an app's keys."""

from services.runtime.auth import Principal
from services.token.errors import NotFoundApp
from services.token.model import ID
from services.token.records import TrustedKeyRecord
from services.token.resources import Resources


async def list_trusted_keys(
    resources: Resources, caller: Principal, *, client_id: str, after: str, limit: int
) -> list[TrustedKeyRecord]:
    """Keys of an app of the caller's domain in the order of their ids, from the one behind `after`.

    Raises:
        NotFoundApp: the domain has no such app.
    """
    domain_id = caller.domain_id
    if not ID.fullmatch(client_id) or await resources.store.select_app(domain_id, client_id) is None:
        raise NotFoundApp
    return await resources.store.select_trusted_key_records(domain_id, client_id, after, limit)
