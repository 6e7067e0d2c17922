from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.calls import refused
from tests.support.token import Running


async def _make(service: Running, *permissions: str) -> admin_pb2.CreateAccessKeyResponse:
    request = admin_pb2.CreateAccessKeyRequest(permissions=permissions)
    return await service.admin.CreateAccessKey(request, metadata=await service.operator())


async def test_the_secret_is_told_once_and_kept_encrypted(service: Running) -> None:
    key = await _make(service, "account.link", "token.impersonate")
    async with service.database() as database:
        row = await database.fetchrow("select * from token.access_key where access_key_id = $1", key.access_key_id)
    assert row is not None
    assert key.access_key_secret.encode() not in row["secret"]
    assert row["permissions"] == ["account.link", "token.impersonate"]


async def test_nobody_gives_what_he_does_not_have(service: Running) -> None:
    await refused(_make(service, "token.mint"), "PERMISSION_DENIED")
    await refused(_make(service), "FIELD_MISSING", "permissions")


async def test_it_is_no_oauth_client(service: Running) -> None:
    key = await _make(service, "account.link")
    call = service.token("client_credentials", client_id=key.access_key_id, client_secret=key.access_key_secret)
    await refused(call, "INVALID_CLIENT")
