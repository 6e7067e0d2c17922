"""QueryAccounts over gRPC."""

import grpc
import pytest

from tests.binding.callers import Json, PushApp
from tests.binding.conftest import PushApps
from tests.support.calls import refused


async def test_tokens_of_accounts(push_app: PushApp) -> None:
    await push_app.bind(("phone", ["alice", ("alice", 7)]))
    await push_app.bind(("pad", ["alice"]), ("watch", ["bob"]))
    listed = [{"account": "bob"}, {"account": "alice", "account_type": 7}, {"account": "alice"}]
    assert await push_app.query({"operator_type": 1, "account_list": listed}) == {
        "ret_code": 0,
        "err_msg": "ok",
        "result": ["0", "0", "0"],
        "account_tokens": [
            {"account": "bob", "account_type": 0, "token_list": ["watch"]},
            {"account": "alice", "account_type": 7, "token_list": ["phone"]},
            {"account": "alice", "account_type": 0, "token_list": ["pad", "phone"]},
        ],
        "token_accounts": [],
    }


async def test_accounts_of_tokens(push_app: PushApp) -> None:
    await push_app.bind(("phone", [("mail", 1005), "alice", ("+8613800000000", 1002)]), ("pad", ["bob"]))
    assert await push_app.query({"operator_type": 2, "token_list": ["pad", "phone"]}) == {
        "ret_code": 0,
        "err_msg": "ok",
        "result": ["0", "0"],
        "account_tokens": [],
        "token_accounts": [
            {"token": "pad", "account_list": [{"account": "bob", "account_type": 0}]},
            {
                "token": "phone",
                "account_list": [
                    {"account": "alice", "account_type": 0},
                    {"account": "+8613800000000", "account_type": 1002},
                    {"account": "mail", "account_type": 1005},
                ],
            },
        ],
    }


async def test_each_entry_has_its_code(push_app: PushApp) -> None:
    await push_app.bind(("phone", ["alice"]))
    answer = await push_app.query(
        {"operator_type": 1, "account_list": [{"account": "nobody"}, {"account": "x"}, {"account": "alice"}]}
    )
    assert (answer["ret_code"], answer["result"]) == (0, ["10110008", "1008007", "0"])
    assert [found["account"] for found in answer["account_tokens"]] == ["alice"]
    answer = await push_app.query({"operator_type": 2, "token_list": ["", "phone", "unknown", "phone"]})
    assert (answer["ret_code"], answer["result"]) == (0, ["1008006", "0", "10110008", "0"])
    assert [found["token"] for found in answer["token_accounts"]] == ["phone"]


async def test_default_account_type(push_app: PushApp) -> None:
    await push_app.bind(("phone", [("alice", 7)]), ("pad", ["alice"]))
    answer = await push_app.query(
        {"operator_type": 1, "account_list": [{"account": "alice"}, {"account": "alice", "account_type": 0}]}
        | {"account_type": 7}
    )
    assert [found["token_list"] for found in answer["account_tokens"]] == [["phone"], ["pad"]]


@pytest.mark.parametrize(
    "request_",
    [
        {"operator_type": 1, "account_list": [{"account": "nobody"}]},
        {"operator_type": 1, "account_list": [{"account": "nobody"}, {"account": ""}]},
        {"operator_type": 2, "token_list": ["unknown", "unknown too"]},
        {"operator_type": 2, "token_list": ["not\0one"]},
    ],
)
async def test_nothing_bound_where_nothing_at_all_is_found(push_app: PushApp, request_: Json) -> None:
    await push_app.bind(("phone", ["alice"]))
    refusal = await refused(push_app.query(request_), "NOTHING_BOUND")
    assert refusal.code == grpc.StatusCode.NOT_FOUND


async def test_another_apps_bindings_are_not_found(push_apps: PushApps) -> None:
    one, other = await push_apps(), await push_apps()
    await one.bind(("phone", ["alice"]))
    assert await other.tokens_of("alice") == []
    await refused(other.query({"operator_type": 2, "token_list": ["phone"]}), "NOTHING_BOUND")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"account_list": [{"account": "alice"}]}, ("FIELD_MISSING", "operator_type")),
        ({"operator_type": 3, "account_list": [{"account": "alice"}]}, ("FIELD_INVALID", "operator_type")),
        ({"operator_type": 1, "token_list": ["phone"]}, ("FIELD_MISSING", "account_list")),
        ({"operator_type": 2, "account_list": [{"account": "alice"}]}, ("FIELD_MISSING", "token_list")),
        ({"operator_type": 2, "token_list": ["phone"] * 1001}, ("FIELD_INVALID", "token_list")),
        ({"operator_type": 1, "account_list": [{"account": "alice"}] * 1001}, ("FIELD_INVALID", "account_list")),
        (
            {"operator_type": 1, "account_list": [{"account": "alice"}], "account_type": 65536},
            ("FIELD_INVALID", "account_type"),
        ),
    ],
)
async def test_refused(push_app: PushApp, request_: Json, expected: tuple[str, str]) -> None:
    await refused(push_app.query(request_), *expected)


async def test_a_thousand_of_each(push_app: PushApp) -> None:
    for start in range(0, 60, 20):
        await push_app.bind(*[(f"token{n}", [f"account{n}"]) for n in range(start, start + 20)])
    listed = [f"token{n}" for n in range(1000)]
    answer = await push_app.query({"operator_type": 2, "token_list": listed})
    assert answer["result"] == ["0"] * 60 + ["10110008"] * 940
    answer = await push_app.query(
        {"operator_type": 1, "account_list": [{"account": f"account{n}"} for n in range(1000)]}
    )
    assert [found["token_list"] for found in answer["account_tokens"]] == [[f"token{n}"] for n in range(60)]
