import pytest
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from tests.support.admin import app_ids, list_apps
from tests.support.calls import refused
from tests.support.token import Running
from tests.support.token_client import TokenClient


async def test_each_app_once_and_in_order_though_others_come_between(own: Running) -> None:
    before = {(await own.web_app(admit=False)).client_id for _ in range(7)}
    first = await list_apps(own, page_size=3)
    added = {(await own.web_app(admit=False)).client_id for _ in range(5)}
    rest = await app_ids(own, page_size=3, page_token=first.next_page_token)
    found = [app.client_id for app in first.apps] + rest
    assert found == sorted(set(found))
    # The three that bootstrap made are there, too.
    assert before <= set(found)
    assert len(set(found) - before - added) == 3


async def test_a_page_that_is_full_is_the_last_where_there_is_no_more(own: Running) -> None:
    assert len((await list_apps(own, page_size=3)).apps) == 3
    assert not (await list_apps(own, page_size=3)).next_page_token
    assert (await list_apps(own, page_size=2)).next_page_token


async def test_filters(own: Running) -> None:
    admitted, waiting = await own.web_app(), await own.web_app(admit=False)
    native = await own.native_app()
    web = admin_pb2.APP_TYPE_WEB_SERVER
    assert set(await app_ids(own, type=web)) == {admitted.client_id, waiting.client_id}
    assert await app_ids(own, type=web, admitted=True) == [admitted.client_id]
    assert await app_ids(own, admitted=False) == [waiting.client_id]
    assert await app_ids(own, type=admin_pb2.APP_TYPE_NATIVE, page_size=1) == [native.client_id]


async def test_a_page_token_of_another_query(service: Running, tenant: TokenClient) -> None:
    await service.web_app()
    token = (await list_apps(service, page_size=1)).next_page_token
    assert token
    for fields in ({"type": admin_pb2.APP_TYPE_NATIVE}, {"admitted": True}):
        await refused(list_apps(service, page_token=token, **fields), "FIELD_INVALID", "page_token")
    await refused(list_apps(tenant, page_token=token), "FIELD_INVALID", "page_token")
    keys = service.admin.ListAccessKeys(
        admin_pb2.ListAccessKeysRequest(page_token=token), metadata=await service.operator()
    )
    await refused(keys, "FIELD_INVALID", "page_token")


@pytest.mark.parametrize("token", ["x", "a" * 2000, "' or 1=1 --", "AAAA", "ä"])
async def test_page_tokens_that_nobody_made(service: Running, token: str) -> None:
    await refused(list_apps(service, page_token=token), "FIELD_INVALID", "page_token")


async def test_what_is_not_good(service: Running) -> None:
    await refused(list_apps(service, page_size=-1), "FIELD_INVALID", "page_size")
    await refused(list_apps(service, type=77), "FIELD_INVALID", "type")
    assert (await list_apps(service, page_size=2**31 - 1)).apps


async def test_a_tenant_sees_its_own(service: Running, tenant: TokenClient) -> None:
    theirs, ours = await tenant.web_app(), await service.web_app()
    listed = await app_ids(tenant, page_size=1000)
    assert theirs.client_id in listed
    assert ours.client_id not in listed
    assert theirs.client_id not in await app_ids(service, page_size=1000)
