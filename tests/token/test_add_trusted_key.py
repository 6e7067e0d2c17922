import asyncio
from typing import Any

from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.calls import Metadata, refused
from tests.support.token import Running
from tests.support.token_client import RSA_KEY, App, TokenClient, new_p256, public_pem


async def add(service: TokenClient, app: App, key: Any, metadata: Metadata | None = None) -> nouns_pb2.TrustedKey:
    request = admin_pb2.AddTrustedKeyRequest(client_id=app.client_id, public_key_pem=public_pem(key))
    return await service.admin.AddTrustedKey(request, metadata=metadata or await service.operator())


async def listed(service: TokenClient, app: App, **fields: Any) -> admin_pb2.ListTrustedKeysResponse:
    request = admin_pb2.ListTrustedKeysRequest(client_id=app.client_id, **fields)
    return await service.admin.ListTrustedKeys(request, metadata=await service.operator())


async def enable(
    service: TokenClient, app: App, key_id: str, *, enabled: bool, metadata: Metadata | None = None
) -> nouns_pb2.TrustedKey:
    request = admin_pb2.UpdateTrustedKeyRequest(client_id=app.client_id, key_id=key_id, enabled=enabled)
    return await service.admin.UpdateTrustedKey(request, metadata=metadata or await service.operator())


async def delete(service: TokenClient, app: App, key_id: str) -> None:
    request = admin_pb2.DeleteTrustedKeyRequest(client_id=app.client_id, key_id=key_id)
    await service.admin.DeleteTrustedKey(request, metadata=await service.operator())


async def by(service: Running, app: App, key: Any, **headers: str) -> None:
    """A grant by an assertion that this key signs."""
    claims = service.claims(app.client_id, sub=await service.user(), sub_type="user")
    algorithm = "RS256" if key is RSA_KEY else "ES256"
    assertion = App(app.client_id, key=key).sign(claims, algorithm, headers or None)
    await service.token("urn:ietf:params:oauth:grant-type:jwt-bearer", client_id=app.client_id, assertion=assertion)


async def test_a_key_is_replaced_without_one_failed_assertion(service: Running) -> None:
    app, new = await service.jwt_app(), new_p256()
    (old,) = (await listed(service, app)).keys
    added = await add(service, app, new)
    assert (added.algorithm, added.public_key_pem, added.enabled) == ("ES256", public_pem(new), True)
    await by(service, app, RSA_KEY)
    await by(service, app, new)
    await by(service, app, new, kid=added.key_id)
    assert not (await enable(service, app, old.key_id, enabled=False)).enabled
    await refused(by(service, app, RSA_KEY), "INVALID_GRANT")
    await by(service, app, new)
    await enable(service, app, old.key_id, enabled=True)
    await by(service, app, RSA_KEY)
    await delete(service, app, old.key_id)
    await refused(by(service, app, RSA_KEY), "INVALID_GRANT")
    assert (await listed(service, app)).keys == [added]
    rows = [(row["event"], row["detail"]) for row in await service.audit(client_id=app.client_id)]
    assert [row for row in rows if row[0].startswith("trusted_key.")] == [
        ("trusted_key.created", added.key_id),
        ("trusted_key.updated", f"{old.key_id} disabled"),
        ("trusted_key.updated", f"{old.key_id} enabled"),
        ("trusted_key.deleted", old.key_id),
    ]


async def test_twice_is_once(service: Running) -> None:
    app, key = await service.jwt_app(), new_p256()
    added = await asyncio.gather(*(add(service, app, key) for _ in range(4)))
    assert all(each.key_id == added[0].key_id for each in added)
    await enable(service, app, added[0].key_id, enabled=False)
    assert not (await add(service, app, key)).enabled
    assert len((await listed(service, app)).keys) == 2


async def test_ten_at_the_most_also_by_a_race(service: Running) -> None:
    app = await service.jwt_app()
    results = await asyncio.gather(*(add(service, app, new_p256()) for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(result, nouns_pb2.TrustedKey) for result in results) == 9
    await refused(add(service, app, new_p256()), "APP_CREDENTIALS_EXHAUSTED")


async def test_pages(service: Running) -> None:
    app = await service.jwt_app()
    added = [await add(service, app, new_p256()) for _ in range(3)]
    first = await listed(service, app, page_size=2)
    rest = await listed(service, app, page_size=2, page_token=first.next_page_token)
    found = [key.key_id for key in (*first.keys, *rest.keys)]
    assert found == sorted(found)
    assert {key.key_id for key in added} < set(found)
    assert (len(found), rest.next_page_token) == (4, "")
    other = await service.jwt_app()
    token = first.next_page_token
    await refused(listed(service, other, page_token=token), "FIELD_INVALID", "page_token")


async def test_types_that_sign_nothing(service: Running) -> None:
    await refused(add(service, await service.native_app(), new_p256()), "APP_CREDENTIALS_EXHAUSTED")
    await add(service, await service.web_app(), new_p256())


async def test_nobody_signs_for_an_app_that_may_more_than_he(service: Running) -> None:
    app = await service.jwt_app()  # with the scope ACCOUNT.ALL
    (key,) = (await listed(service, app)).keys
    deputy = await service.caller("token.admin")
    await refused(add(service, app, new_p256(), deputy), "PERMISSION_DENIED")
    # To take a key out of use is nobody's way up.
    await enable(service, app, key.key_id, enabled=False, metadata=deputy)
    await refused(enable(service, app, key.key_id, enabled=True, metadata=deputy), "PERMISSION_DENIED")
    await refused(add(service, App(service.made["account"]["client_id"]), new_p256()), "PERMISSION_DENIED")


async def test_what_is_not_there(service: Running, tenant: TokenClient) -> None:
    app = await service.jwt_app()
    (key,) = (await listed(service, app)).keys
    await refused(add(tenant, app, new_p256()), "NOT_FOUND_APP")
    await refused(listed(tenant, app), "NOT_FOUND_APP")
    await refused(enable(tenant, app, key.key_id, enabled=False), "NOT_FOUND_APP")
    await refused(delete(tenant, app, key.key_id), "NOT_FOUND_APP")
    for key_id in ("unknown", "a\0b"):
        await refused(enable(service, app, key_id, enabled=False), "NOT_FOUND_TRUSTED_KEY")
        await refused(delete(service, app, key_id), "NOT_FOUND_TRUSTED_KEY")
    await refused(listed(service, App("unknown")), "NOT_FOUND_APP")
    request = admin_pb2.AddTrustedKeyRequest(client_id=app.client_id, public_key_pem="x")
    call = service.admin.AddTrustedKey(request, metadata=await service.operator())
    await refused(call, "FIELD_INVALID", "public_key_pem")
    await by(service, app, RSA_KEY)
