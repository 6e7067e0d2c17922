"""ListApps: a page of the domain's apps."""

from services.runtime.auth import Principal
from services.token.model import AppType
from services.token.records import AppRecord
from services.token.resources import Resources


async def list_apps(
    resources: Resources,
    caller: Principal,
    *,
    after: str,
    limit: int,
    app_type: AppType | None,
    admitted: bool | None,
) -> list[AppRecord]:
    """Apps of the caller's domain in the order of their ids, from the one behind `after`; filters may be absent."""
    return await resources.store.select_app_records(
        caller.domain_id, after, app_type=app_type, admitted=admitted, limit=limit
    )
