"""What an operator asks of apps and domains, as several tests do."""

import uuid
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from tessera.token.v1 import domain_service_pb2 as domain_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.calls import Metadata
from tests.support.token import Running
from tests.support.token_client import App, TokenClient


async def get_app(service: TokenClient, app: App) -> admin_pb2.App:
    request = admin_pb2.GetAppRequest(client_id=app.client_id)
    return await service.admin.GetApp(request, metadata=await service.operator())


async def list_apps(service: TokenClient, **fields: Any) -> admin_pb2.ListAppsResponse:
    return await service.admin.ListApps(admin_pb2.ListAppsRequest(**fields), metadata=await service.operator())


async def app_ids(service: TokenClient, **fields: Any) -> list[str]:
    """Ids of all apps, page by page."""
    found: list[str] = []
    while True:
        answer = await list_apps(service, **fields)
        assert len(answer.apps) <= (fields.get("page_size") or 50)
        found += [app.client_id for app in answer.apps]
        if not answer.next_page_token:
            return found
        fields["page_token"] = answer.next_page_token


async def update_app(
    service: TokenClient, app: App, *mask: str, metadata: Metadata | None = None, **fields: Any
) -> admin_pb2.App:
    request = admin_pb2.UpdateAppRequest(
        app=admin_pb2.App(client_id=app.client_id, **fields), update_mask=FieldMask(paths=mask)
    )
    return await service.admin.UpdateApp(request, metadata=metadata or await service.operator())


async def create_domain(
    service: TokenClient, metadata: Metadata | None = None, **fields: Any
) -> domain_pb2.CreateDomainResponse:
    fields.setdefault("domain_id", f"d{uuid.uuid4().hex[:12]}")
    request = domain_pb2.CreateDomainRequest(**fields)
    return await service.domains.CreateDomain(request, metadata=metadata or await service.operator())


async def revocations(service: Running, subject: str) -> list[dict[str, Any]]:
    """What was revoked of an app or key, in order."""
    async with service.database() as database:
        rows = await database.fetch("select * from token.revocation where subject = $1 order by seq", subject)
    return [dict(row) for row in rows]
