"""Each request of the vendors' pages sent as it stands, each answer compared key by key and type by type."""

import json

import pytest
from defusedxml import ElementTree

from deploy.local.stack import Stack
from services.token.identities import Identities
from tests.support import samples
from tests.support.samples import same_shape
from tests.support.token_client import TokenClient, content
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("world")


async def test_the_token_answer(world: World) -> None:
    async with world.http() as http:
        answer = (await http.post("/v2/oauth/token", data=world.by_assertion())).json()
    same_shape(answer, samples.TOKEN)
    # In the sample's order, then what is ours.
    assert list(answer)[: len(samples.TOKEN)] == list(samples.TOKEN)
    claims = content(answer["access_token"])
    same_shape(claims, samples.ACCESS_TOKEN_CLAIMS)
    assert claims["userId"] == answer["user_id"]
    same_shape(json.loads(claims["customJson"]), json.loads(samples.ACCESS_TOKEN_CLAIMS["customJson"]))


async def test_link_account(stack: Stack, world: World) -> None:
    user_id = samples.LINK_ACCOUNT["user_id"]
    async with world.http() as http, world.channel("token") as channel:
        assert (
            await TokenClient(channel, Identities.read(stack.home.identities).as_json()).user(user_id=user_id)
            == user_id
        )
        answer = await http.post("/v2/account/link", json=samples.LINK_ACCOUNT, headers=await world.bearer(http))
    assert answer.status_code == 200, answer.text
    same_shape(answer.json(), samples.TOKEN)
    assert answer.json()["user_id"] == user_id


DESCRIBE = {"Action": "DescribeOpenAccount", "Idp": "ALIOS", "RegionId": "cn-shanghai", "Version": "2018-05-01"}


@pytest.mark.parametrize(("method", "place"), [("GET", "params"), ("POST", "data")])
async def test_describe_open_account_json(world: World, method: str, place: str) -> None:
    account = {"ProjectId": world.demo["project_id"], "IdentityId": world.demo["identity_id"], "Format": "JSON"}
    async with world.http() as http:
        answer = await http.request(method, "/", headers=await world.bearer(http), **{place: DESCRIBE | account})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    body = answer.json()
    same_shape(body, samples.DESCRIBE_OPEN_ACCOUNT)
    assert set(body) == set(samples.DESCRIBE_OPEN_ACCOUNT)
    assert set(body["OpenAccount"]) == set(samples.DESCRIBE_OPEN_ACCOUNT["OpenAccount"])
    assert body["OpenAccount"]["IdentityId"] == world.demo["identity_id"]
    assert (body["OpenAccount"]["Status"], body["OpenAccount"]["Type"]) == (0, 1)


async def test_describe_open_account_xml(world: World) -> None:
    async with world.http() as http:
        answer = await http.get(
            "/", params=DESCRIBE | {"IdentityId": world.demo["identity_id"]}, headers=await world.bearer(http)
        )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/xml;charset=utf-8"
    ours, theirs = (ElementTree.fromstring(text) for text in (answer.text, samples.DESCRIBE_OPEN_ACCOUNT_XML))
    assert [element.tag for element in ours.iter()] == [element.tag for element in theirs.iter()]
    assert ours.findtext("OpenAccount/Status") == "0"


@pytest.mark.parametrize("operator", [1, 2, 3, 4, 5])
async def test_batch_operate(world: World, operator: int) -> None:
    async with world.http() as http:
        answer = await http.post(
            "/v3/device/account/batchoperate",
            content=samples.BATCH_OPERATE[operator],
            headers={"content-type": "application/json"},
            auth=world.push(),
        )
    assert answer.status_code == 200
    body = answer.json()
    same_shape(body, samples.BATCH_OPERATE_ANSWER)
    assert set(body) == set(samples.BATCH_OPERATE_ANSWER)
    assert (body["ret_code"], body["err_msg"]) == (0, "NO_ERROR")
    assert body["result"] == ["0"] * {1: 2, 2: 2, 3: 2, 4: 3, 5: 2}[operator]


async def test_the_lists_of_the_parameter_table(world: World) -> None:
    async with world.http() as http:
        for body in (
            f'{{"operator_type": 2, "token_accounts": {samples.TOKEN_ACCOUNTS}}}',
            f'{{"operator_type": 5, "account_list": {samples.ACCOUNT_LIST}}}',
        ):
            answer = await http.post("/v3/device/account/batchoperate", content=body, auth=world.push())
            assert answer.json()["ret_code"] == 0, answer.text
