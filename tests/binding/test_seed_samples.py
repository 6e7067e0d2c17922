"""The samples of the vendor's page, as they stand there; missing brackets are mended, nothing else."""

import json

import pytest

from tests.binding.callers import PushApp
from tests.binding.conftest import PushApps

TWO_TOKENS = """
    "token_accounts": [
        {
            "token": "token1",
            "account_list": [
                {
                    "account": "926@126.com"
                },
                {
                    "account": "1527000000"
                }
            ]
        },
        {
            "token": "token2",
            "account_list": [
                {
                    "account": "926@163.com"
                },
                {
                    "account": "1527000001"
                }
            ]
        }
    ]
  }"""

APPEND = '{\n    "operator_type": 1,' + TWO_TOKENS
OVERWRITE = '{\n    "operator_type": 2,' + TWO_TOKENS
UNBIND = '{\n    "operator_type": 3,' + TWO_TOKENS
CLEAR_TOKENS = """{
    "operator_type": 4,
    "token_list": [
        "token1",
        "token2",
        "token3"
    ]
  }"""
CLEAR_ACCOUNTS = """{
    "operator_type": 5,
    "account_list": [
        {
            "account": "926@126.com"
        },
        {
            "account": "1527000000"
        }
    ]
  }"""
ACCOUNT_LIST = '[{"account":"926@126.com"},{"account":"1527000000"},{"account":"2849249569","account_type":9}]'
TOKEN_ACCOUNTS = """[{"token":"token1","account_list":[{"account":"926@126.com"},{"account":"1527000000"}]},
{"token":"token2","account_list":[{"account":"926@163.com"},{"account":"1527000001"}]}]"""

ANSWER = """{
    "ret_code": 0,
    "err_msg": "NO_ERROR",
    "result": [
        "0"
    ]
}"""

# Both accounts of a sample's token are of type 0, of which a token has one: the later.
BOUND = [("token1", 0, "1527000000"), ("token2", 0, "1527000001")]


@pytest.mark.parametrize(
    ("sample", "entries", "left"),
    [
        (APPEND, 2, BOUND),
        (OVERWRITE, 2, BOUND),
        (UNBIND, 2, []),
        (CLEAR_TOKENS, 3, []),
        (CLEAR_ACCOUNTS, 2, [("token2", 0, "1527000001")]),
    ],
    ids=["append", "overwrite", "unbind", "clear tokens", "clear accounts"],
)
async def test_sample_request(push_app: PushApp, sample: str, entries: int, left: list[tuple[str, int, str]]) -> None:
    await push_app.call(json.loads(OVERWRITE))
    answer = await push_app.call(json.loads(sample))
    expected = json.loads(ANSWER)
    assert {key: type(value) for key, value in answer.items()} == {key: type(value) for key, value in expected.items()}
    # The page's sample answers one code for two tokens; its text says one for each, and that is what clients can use.
    assert answer == expected | {"result": expected["result"] * entries}
    assert await push_app.rows() == left


async def test_sample_of_one_entry_is_answered_to_the_letter(push_app: PushApp) -> None:
    entry = json.loads(UNBIND)["token_accounts"][0]
    assert await push_app.call({"operator_type": 3, "token_accounts": [entry]}) == json.loads(ANSWER)


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
    assert (await push_app.call(json.loads(OVERWRITE) | old))["ret_code"] == 0
    assert await push_app.rows() == BOUND
