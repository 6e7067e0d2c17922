"""Bad input: the whole request is refused, or the bad entry fails alone; what is refused changes nothing."""

from typing import Any

import grpc
import pytest

from tests.binding.callers import Json, PushApp, account
from tests.support.calls import refused

GOOD = {"token": "good", "account_list": [{"account": "someone"}]}
PERSON = {"account": "someone"}

REFUSED: dict[str, tuple[Json, str, str]] = {
    "no operator": ({"token_accounts": [GOOD]}, "FIELD_MISSING", "operator_type"),
    "operator 6": ({"operator_type": 6, "token_accounts": [GOOD]}, "FIELD_INVALID", "operator_type"),
    "operator -1": ({"operator_type": -1, "token_accounts": [GOOD]}, "FIELD_INVALID", "operator_type"),
    "empty token_accounts": ({"operator_type": 2, "token_accounts": []}, "FIELD_MISSING", "token_accounts"),
    "empty token_list": ({"operator_type": 4, "token_list": []}, "FIELD_MISSING", "token_list"),
    "empty account_list": ({"operator_type": 5, "account_list": []}, "FIELD_MISSING", "account_list"),
    "list of another operator, 1": ({"operator_type": 1, "token_list": ["good"]}, "FIELD_MISSING", "token_accounts"),
    "list of another operator, 3": ({"operator_type": 3, "account_list": [PERSON]}, "FIELD_MISSING", "token_accounts"),
    "list of another operator, 4": ({"operator_type": 4, "token_accounts": [GOOD]}, "FIELD_MISSING", "token_list"),
    "list of another operator, 5": ({"operator_type": 5, "token_list": ["good"]}, "FIELD_MISSING", "account_list"),
    "21 tokens, 2": ({"operator_type": 2, "token_accounts": [GOOD] * 21}, "FIELD_INVALID", "token_accounts"),
    "21 tokens, 3": ({"operator_type": 3, "token_accounts": [GOOD] * 21}, "FIELD_INVALID", "token_accounts"),
    "1001 tokens": ({"operator_type": 4, "token_list": ["good"] * 1001}, "FIELD_INVALID", "token_list"),
    "1001 accounts": ({"operator_type": 5, "account_list": [PERSON] * 1001}, "FIELD_INVALID", "account_list"),
    "default type -1": (
        {"operator_type": 2, "token_accounts": [GOOD], "account_type": -1},
        "FIELD_INVALID",
        "account_type",
    ),
    "default type 65536": (
        {"operator_type": 5, "account_list": [PERSON], "account_type": 65536},
        "FIELD_INVALID",
        "account_type",
    ),
}

BAD_TOKENS = {
    "empty": "",
    "256 bytes": "t" * 256,
    "256 bytes of 86 characters": "统" * 85 + "t",
    "NUL": "to\0ken",
    "newline": "token\n",
    "delete": "token\x7f",
    "C1": "token\x85",
}
BAD_ACCOUNTS = {
    "empty": "",
    "1 character": "a",
    "256 characters": "a" * 256,
    "NUL": "some\0one",
    "newline": "some\none",
    "C1": "some\x9fone",
    "type -1": ("someone", -1),
    "type 65536": ("someone", 65536),
}


@pytest.fixture
async def filled(push_app: PushApp) -> PushApp:
    """A push app with a token and an account that the requests above would change."""
    await push_app.bind(("good", ["previous", ("someone", 4)]), ("other", ["someone"]))
    return push_app


@pytest.mark.parametrize("case", REFUSED)
async def test_refused(filled: PushApp, case: str) -> None:
    request, expected_reason, expected_field = REFUSED[case]
    before = await filled.whole_rows()
    refusal = await refused(filled.call(request), expected_reason, expected_field)
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert await filled.whole_rows() == before


@pytest.mark.parametrize("case", BAD_TOKENS)
async def test_bad_token_fails_alone(filled: PushApp, case: str) -> None:
    bad = BAD_TOKENS[case]
    answer = await filled.call(
        {"operator_type": 2, "token_accounts": [{"token": bad, "account_list": [{"account": "intruder"}]}, GOOD]}
    )
    assert answer == {
        "ret_code": 1008026,
        "err_msg": "1 of 2 entries failed.",
        "result": ["1008006", "0"],
    }
    assert await filled.rows() == [("good", 0, "someone"), ("other", 0, "someone")]
    assert (await filled.call({"operator_type": 4, "token_list": ["good", bad]}))["result"] == ["0", "1008006"]
    assert await filled.rows() == [("other", 0, "someone")]


@pytest.mark.parametrize("operator", [1, 2, 3])
@pytest.mark.parametrize("case", BAD_ACCOUNTS)
async def test_bad_account_fails_its_token(filled: PushApp, case: str, operator: int) -> None:
    before = await filled.whole_rows()
    codes = await filled.operate(operator, ("good", ["previous", BAD_ACCOUNTS[case]]), ("third", ["someone"]))
    assert codes == ["1008007", "0"]
    assert [row for row in await filled.whole_rows() if row[1] != "third"] == before


@pytest.mark.parametrize("case", BAD_ACCOUNTS)
async def test_bad_account_fails_alone_when_cleared(filled: PushApp, case: str) -> None:
    listed = [account(BAD_ACCOUNTS[case]), account("previous")]
    answer = await filled.call({"operator_type": 5, "account_list": listed})
    assert answer["result"] == ["1008007", "0"]
    assert answer["ret_code"] == 1008026
    assert await filled.rows() == [("good", 4, "someone"), ("other", 0, "someone")]


async def test_all_failed(filled: PushApp) -> None:
    before = await filled.whole_rows()
    for entries in ([("", ["someone"])], [("", ["x"]), ("good", ["x"])]):
        listed = [{"token": token, "account_list": [account(item) for item in items]} for token, items in entries]
        answer = await filled.call({"operator_type": 2, "token_accounts": listed})
        assert (answer["ret_code"], answer["err_msg"]) == (1008027, "All entries failed.")
    assert answer["result"] == ["1008006", "1008007"]
    assert await filled.whole_rows() == before


@pytest.mark.parametrize("operator", [1, 2, 3])
async def test_an_entry_without_accounts_or_with_too_many_fails(filled: PushApp, operator: int) -> None:
    before = await filled.whole_rows()
    codes = await filled.operate(operator, ("good", []), ("good", [(f"account{n}", n) for n in range(101)]))
    assert codes == ["1008007", "1008007"]
    assert await filled.whole_rows() == before


@pytest.mark.parametrize(
    ("token", "item"),
    [
        ("t" * 255, "ab"),
        ("统" * 85, "人" * 255),
        ("t", ("😀😀", 65535)),
        (" ", ("a b", 0)),
        ("' or 1=1 --", ("{NULL}", 1)),
        ("NULL", ("\\x00", 1)),
    ],
)
async def test_the_largest_and_oddest_that_are_good(push_app: PushApp, token: str, item: Any) -> None:
    assert await push_app.bind((token, [item])) == ["0"]
    name, kind = (item, 0) if isinstance(item, str) else item
    assert await push_app.rows() == [(token, kind, name)]
    assert await push_app.tokens_of(item) == [token]
    assert await push_app.operate(3, (token, [item])) == ["0"]
    assert await push_app.rows() == []
