import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from tessera.edge import external_auth_pb2 as auth_pb2
from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.admin import revocations
from tests.support.calls import Metadata, refused
from tests.support.token import Running
from tests.support.token_client import TokenClient, basic


async def get(service: TokenClient, access_id: int) -> nouns_pb2.PushApp:
    request = admin_pb2.GetPushAppRequest(access_id=access_id)
    return await service.admin.GetPushApp(request, metadata=await service.operator())


async def listed(service: TokenClient, **fields: Any) -> admin_pb2.ListPushAppsResponse:
    return await service.admin.ListPushApps(admin_pb2.ListPushAppsRequest(**fields), metadata=await service.operator())


async def update(service: TokenClient, access_id: int, *mask: str, **fields: Any) -> nouns_pb2.PushApp:
    request = admin_pb2.UpdatePushAppRequest(
        push_app=nouns_pb2.PushApp(access_id=access_id, **fields), update_mask=FieldMask(paths=mask)
    )
    return await service.admin.UpdatePushApp(request, metadata=await service.operator())


async def delete(service: TokenClient, access_id: int, etag: str = "") -> None:
    request = admin_pb2.DeletePushAppRequest(access_id=access_id, etag=etag)
    await service.admin.DeletePushApp(request, metadata=await service.operator())


async def rotate(service: TokenClient, access_id: int, metadata: Metadata | None = None) -> str:
    request = admin_pb2.RotatePushAppSecretRequest(access_id=access_id)
    answer = await service.admin.RotatePushAppSecret(request, metadata=metadata or await service.operator())
    return answer.secret_key


async def check(service: Running, access_id: int, secret: str) -> bool:
    """Whether the edge takes a push app's secret."""
    headers = {"authorization": basic(str(access_id), secret)}
    http = auth_pb2.AttributeContext.HttpRequest(method="POST", path="/v3/device/account/query", headers=headers)
    attributes = auth_pb2.AttributeContext(
        request=auth_pb2.AttributeContext.Request(http=http),
        context_extensions={"surface": "tpns", "audience": "binding"},
    )
    answer = await service.edge.Check(auth_pb2.CheckRequest(attributes=attributes), metadata=service.gateway())
    return answer.HasField("ok_response")


async def until(service: Running, access_id: int, secret: str, *, passes: bool) -> None:
    """Wait until the edge takes a secret, or does not: a second."""
    async with asyncio.timeout(10):
        while await check(service, access_id, secret) != passes:
            await asyncio.sleep(0.05)


async def test_from_the_making_to_the_end(service: Running) -> None:
    pushed = await service.push_app(tokens_per_account=7)
    access_id = pushed.access_id
    made = await get(service, access_id)
    assert (made.name, made.tokens_per_account, made.append_enabled, made.enabled) == ("push", 7, False, True)
    await until(service, access_id, pushed.secret_key, passes=True)
    changed = await update(service, access_id, name="Shop", tokens_per_account=9, append_enabled=True, etag=made.etag)
    assert (changed.name, changed.tokens_per_account, changed.append_enabled) == ("Shop", 9, True)
    assert not (await update(service, access_id, "enabled")).enabled
    await until(service, access_id, pushed.secret_key, passes=False)
    await update(service, access_id, enabled=True)
    await until(service, access_id, pushed.secret_key, passes=True)
    new = await rotate(service, access_id)
    await until(service, access_id, new, passes=True)
    await until(service, access_id, pushed.secret_key, passes=False)
    await refused(delete(service, access_id, changed.etag), "ETAG_MISMATCH")
    await delete(service, access_id)
    await until(service, access_id, new, passes=False)
    await refused(get(service, access_id), "NOT_FOUND_PUSH_APP")
    rows = [(row["event"], row["detail"]) for row in await service.audit(client_id=str(access_id))]
    assert rows == [
        ("push_app.created", None),
        ("push_app.updated", "append_enabled, name, tokens_per_account"),
        ("push_app.updated", "enabled"),
        ("push_app.updated", "enabled"),
        ("push_app_secret.rotated", None),
        ("push_app.deleted", None),
    ]
    assert len(await revocations(service, str(access_id))) == 2


async def test_a_secret_is_told_to_who_may_bind(service: Running) -> None:
    access_id = (await service.push_app()).access_id
    await refused(rotate(service, access_id, await service.caller("token.admin")), "PERMISSION_DENIED")
    await rotate(service, access_id, await service.caller("token.admin", "binding.read", "binding.write"))


async def test_race_of_two_by_one_etag(service: Running) -> None:
    access_id = (await service.push_app()).access_id
    etag = (await get(service, access_id)).etag
    calls = [update(service, access_id, name=f"n{number}", etag=etag) for number in range(8)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(result, grpc.aio.AioRpcError) for result in results) == 7
    assert (await get(service, access_id)).name in {f"n{number}" for number in range(8)}


async def test_pages(own: Running) -> None:
    made = [(await own.push_app()).access_id for _ in range(5)]
    first = await listed(own, page_size=2)
    made.append((await own.push_app()).access_id)
    rest = await listed(own, page_size=1000, page_token=first.next_page_token)
    assert [app.access_id for app in (*first.push_apps, *rest.push_apps)] == made
    await refused(listed(own, page_token=first.next_page_token[:-4] + "AAAA"), "FIELD_INVALID", "page_token")


async def test_what_is_not_there(service: Running, tenant: TokenClient) -> None:
    access_id = (await service.push_app()).access_id
    for asked, by in ((1, service), (-(2**63), service), (access_id, tenant)):
        await refused(get(by, asked), "NOT_FOUND_PUSH_APP")
        await refused(update(by, asked, name="x"), "NOT_FOUND_PUSH_APP")
        await refused(delete(by, asked), "NOT_FOUND_PUSH_APP")
        await refused(rotate(by, asked), "NOT_FOUND_PUSH_APP")
    assert access_id not in [app.access_id for app in (await listed(tenant, page_size=1000)).push_apps]
    assert (await get(service, access_id)).name == "push"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"tokens_per_account": 1001}, "tokens_per_account"),
        ({"tokens_per_account": -1}, "tokens_per_account"),
        ({"name": "x" * 129}, "name"),
    ],
)
async def test_values_that_are_not_good(service: Running, fields: dict[str, Any], field: str) -> None:
    access_id = (await service.push_app()).access_id
    await refused(update(service, access_id, **fields), "FIELD_INVALID", f"push_app.{field}")


async def test_what_may_not_be_emptied(service: Running) -> None:
    access_id = (await service.push_app()).access_id
    await refused(update(service, access_id, "name"), "FIELD_MISSING", "push_app.name")
    await refused(update(service, access_id, "*", name="x"), "FIELD_INVALID", "push_app.tokens_per_account")
    await refused(update(service, 0, name="x"), "FIELD_MISSING", "push_app.access_id")
