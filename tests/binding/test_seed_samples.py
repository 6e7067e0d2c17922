"""The samples of the vendor's page, and the rows that they leave."""

import json

import pytest

from tests.binding.callers import PushApp
from tests.binding.conftest import PushApps
from tests.support.samples import ACCOUNT_LIST, BATCH_OPERATE, BATCH_OPERATE_ANSWER, TOKEN_ACCOUNTS, same_shape

# Both accounts of a sample's token are of type 0, of which a token has one: the later.
BOUND = [("token1", 0, "1527000000"), ("token2", 0, "1527000001")]


@pytest.mark.parametrize(
    ("operator", "entries", "left"),
    [
        (1, 2, BOUND),
        (2, 2, BOUND),
        (3, 2, []),
        (4, 3, []),
        (5, 2, [("token2", 0, "1527000001")]),
    ],
    ids=["append", "overwrite", "unbind", "clear tokens", "clear accounts"],
)
async def test_sample_request(push_app: PushApp, operator: int, entries: int, left: list[tuple[str, int, str]]) -> None:
    await push_app.call(json.loads(BATCH_OPERATE[2]))
    answer = await push_app.call(json.loads(BATCH_OPERATE[operator]))
    same_shape(answer, BATCH_OPERATE_ANSWER)
    # The page's sample answers one code for two tokens; its text says one for each, and that is what clients can use.
    assert answer == BATCH_OPERATE_ANSWER | {"result": BATCH_OPERATE_ANSWER["result"] * entries}
    assert await push_app.rows() == left


async def test_sample_of_one_entry_is_answered_to_the_letter(push_app: PushApp) -> None:
    entry = json.loads(BATCH_OPERATE[3])["token_accounts"][0]
    assert await push_app.call({"operator_type": 3, "token_accounts": [entry]}) == BATCH_OPERATE_ANSWER


async def test_sample_values_of_the_parameters(push_apps: PushApps) -> None:
    app = await push_apps(append_enabled=True)
    await app.call({"operator_type": 1, "token_accounts": json.loads(TOKEN_ACCOUNTS)})
    assert await app.rows() == BOUND
    await app.operate(1, ("token2", [("2849249569", 9)]))
    answer = await app.call({"operator_type": 5, "account_list": json.loads(ACCOUNT_LIST)})
    assert answer["result"] == ["0", "0", "0"]
    assert await app.rows() == [("token2", 0, "1527000001")]


async def test_fields_of_old_clients_are_ignored(push_app: PushApp) -> None:
    old = {"platform": "android", "op_type": "qq", "op_id": "10001"}
    assert (await push_app.call(json.loads(BATCH_OPERATE[2]) | old))["ret_code"] == 0
    assert await push_app.rows() == BOUND
