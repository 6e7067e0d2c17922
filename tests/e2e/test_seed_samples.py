"""Each request of the vendors' pages sent as it stands, each answer compared key by key and type by type."""

import json
from typing import Any

import jwt
import pytest
from defusedxml import ElementTree

from tests.e2e import samples
from tests.support.world import World

pytestmark = pytest.mark.usefixtures("world")


def same_shape(answer: Any, sample: Any, path: str = "$") -> None:
    """Every key of the sample is there, with the sample's JSON type; lists compare by their first element."""
    assert type(answer) is type(sample), f"{path}: {answer!r} is no {type(sample).__name__}"
    if isinstance(sample, dict):
        for key, value in sample.items():
            assert key in answer, f"{path}.{key} is missing"
            same_shape(answer[key], value, f"{path}.{key}")
    if isinstance(sample, list) and sample:
        assert answer, f"{path} is empty"
        for item in answer:
            same_shape(item, sample[0], f"{path}[]")


async def test_the_token_answer(world: World) -> None:
    async with world.http() as http:
        answer = (await http.post("/v2/oauth/token", data=world.by_assertion())).json()
    same_shape(answer, samples.TOKEN)
    # In the sample's order, then what is ours.
    assert list(answer)[: len(samples.TOKEN)] == list(samples.TOKEN)
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert {"userId", "customJson", "exp", "iat"} <= set(claims)
    assert claims["userId"] == answer["user_id"]
    same_shape(json.loads(claims["customJson"]), samples.ACCESS_TOKEN_CUSTOM)


async def test_link_account(world: World) -> None:
    request = samples.LINK_ACCOUNT | {"user_id": world.demo["user_id"]}
    async with world.http() as http:
        answer = await http.post("/v2/account/link", json=request, headers=await world.bearer(http))
    assert answer.status_code == 200, answer.text
    same_shape(answer.json(), samples.TOKEN)
    assert answer.json()["user_id"] == world.demo["user_id"]


DESCRIBE = {"Action": "DescribeOpenAccount", "Idp": "ALIOS", "RegionId": "cn-shanghai", "Version": "2018-05-01"}


async def test_describe_open_account_json(world: World) -> None:
    async with world.http() as http:
        answer = await http.get(
            "/",
            params=DESCRIBE
            | {"ProjectId": world.demo["project_id"], "IdentityId": world.demo["identity_id"], "Format": "JSON"},
            headers=await world.bearer(http),
        )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    body = answer.json()
    same_shape(body, samples.DESCRIBE_OPEN_ACCOUNT)
    assert set(body) == set(samples.DESCRIBE_OPEN_ACCOUNT)
    assert set(body["OpenAccount"]) == set(samples.DESCRIBE_OPEN_ACCOUNT["OpenAccount"])  # type: ignore[arg-type]
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
