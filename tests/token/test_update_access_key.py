import asyncio
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.admin import revocations
from tests.support.calls import Metadata, refused
from tests.support.token import Running
from tests.support.token_client import TokenClient


async def create(service: TokenClient, *permissions: str, name: str = "") -> str:
    request = admin_pb2.CreateAccessKeyRequest(permissions=permissions or ["account.link"], name=name)
    return (await service.admin.CreateAccessKey(request, metadata=await service.operator())).access_key_id


async def get(service: TokenClient, key_id: str) -> nouns_pb2.AccessKey:
    request = admin_pb2.GetAccessKeyRequest(access_key_id=key_id)
    return await service.admin.GetAccessKey(request, metadata=await service.operator())


async def listed(service: TokenClient, **fields: Any) -> admin_pb2.ListAccessKeysResponse:
    request = admin_pb2.ListAccessKeysRequest(**fields)
    return await service.admin.ListAccessKeys(request, metadata=await service.operator())


async def update(
    service: TokenClient, key_id: str, *mask: str, metadata: Metadata | None = None, **fields: Any
) -> nouns_pb2.AccessKey:
    request = admin_pb2.UpdateAccessKeyRequest(
        access_key=nouns_pb2.AccessKey(access_key_id=key_id, **fields), update_mask=FieldMask(paths=mask)
    )
    return await service.admin.UpdateAccessKey(request, metadata=metadata or await service.operator())


async def delete(service: TokenClient, key_id: str, etag: str = "") -> None:
    request = admin_pb2.DeleteAccessKeyRequest(access_key_id=key_id, etag=etag)
    await service.admin.DeleteAccessKey(request, metadata=await service.operator())


async def test_from_the_making_to_the_end(service: Running) -> None:
    key_id = await create(service, "account.link", "account.describe", name="backend")
    made = await get(service, key_id)
    assert (made.name, list(made.permissions), made.enabled) == ("backend", ["account.link", "account.describe"], True)
    changed = await update(service, key_id, name="other", permissions=["account.link"], etag=made.etag)
    assert (changed.name, list(changed.permissions), changed.enabled) == ("other", ["account.link"], True)
    assert not (await update(service, key_id, "enabled")).enabled
    assert (await update(service, key_id, "enabled", enabled=True)).enabled
    await refused(delete(service, key_id, changed.etag), "ETAG_MISMATCH")
    await delete(service, key_id)
    await refused(get(service, key_id), "NOT_FOUND_ACCESS_KEY")
    await refused(delete(service, key_id), "NOT_FOUND_ACCESS_KEY")
    rows = [(row["event"], row["detail"]) for row in await service.audit(client_id=key_id)]
    assert rows == [
        ("access_key.created", None),
        ("access_key.updated", "name, permissions"),
        ("access_key.updated", "enabled"),
        ("access_key.updated", "enabled"),
        ("access_key.deleted", None),
    ]
    # Less to do, disabled, deleted; enabling it took nothing away.
    assert len(await revocations(service, key_id)) == 3


async def test_nobody_gives_what_he_does_not_have(service: Running) -> None:
    key_id = await create(service, "token.admin")
    deputy = await service.caller("token.admin")
    for permission in ("account.link", "token.domain", "nonsense"):
        await refused(update(service, key_id, metadata=deputy, permissions=[permission]), "PERMISSION_DENIED")
    await refused(update(service, key_id, permissions=["token.mint"]), "PERMISSION_DENIED")
    powerful = await create(service, "account.link")
    await update(service, powerful, "enabled", metadata=deputy)
    await refused(update(service, powerful, "enabled", metadata=deputy, enabled=True), "PERMISSION_DENIED")


async def test_race_of_two_by_one_etag(service: Running) -> None:
    key_id = await create(service)
    etag = (await get(service, key_id)).etag
    calls = [update(service, key_id, name=f"{number}", etag=etag) for number in range(8)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    (won,) = [result for result in results if isinstance(result, nouns_pb2.AccessKey)]
    assert won == await get(service, key_id)


async def test_pages(own: Running) -> None:
    made = {await create(own) for _ in range(5)}
    first = await listed(own, page_size=2)
    made.add(added := await create(own))
    found, token = [key.access_key_id for key in first.access_keys], first.next_page_token
    while token:
        answer = await listed(own, page_size=2, page_token=token)
        found, token = found + [key.access_key_id for key in answer.access_keys], answer.next_page_token
    assert found == sorted(set(found))
    assert made - {added} <= set(found) <= made


async def test_what_is_not_there(service: Running, tenant: TokenClient) -> None:
    key_id = await create(service)
    for asked, by in (("unknown", service), ("a\0b", service), (key_id, tenant)):
        await refused(get(by, asked), "NOT_FOUND_ACCESS_KEY")
        await refused(update(by, asked, name="x"), "NOT_FOUND_ACCESS_KEY")
        await refused(delete(by, asked), "NOT_FOUND_ACCESS_KEY")
    assert key_id not in [key.access_key_id for key in (await listed(tenant, page_size=1000)).access_keys]
    assert (await get(service, key_id)).enabled


async def test_what_is_not_good(service: Running) -> None:
    key_id = await create(service)
    await refused(update(service, key_id, "nonsense"), "FIELD_INVALID", "update_mask")
    await refused(update(service, key_id, name="x" * 129), "FIELD_INVALID", "access_key.name")
    await refused(update(service, "", name="x"), "FIELD_MISSING", "access_key.access_key_id")
    await refused(get(service, ""), "FIELD_MISSING", "access_key_id")
    await refused(delete(service, ""), "FIELD_MISSING", "access_key_id")
    await refused(create(service, name="a\nb"), "FIELD_INVALID", "name")
    await refused(listed(service, page_token="x"), "FIELD_INVALID", "page_token")
