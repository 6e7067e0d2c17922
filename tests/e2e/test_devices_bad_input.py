"""What strangers get wrong on /v3: the vendor's dialect, and nothing changed."""

import gzip
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from tests.support.devices import BATCH, QUERY, Devices, Json, account, entry, push_app, said

# It would change what `app` has.
GOOD = {"operator_type": 4, "token_list": ["good"]}
ENTRY = entry("good", "someone else")
MALFORMED, MISSING, INVALID, ALL_FAILED, NOTHING = 1008001, 1008002, 1008007, 1008027, 10110008
TOKENS, ACCOUNTS = ["good", "other"], [account("someone"), account(("someone", 4))]


@dataclass(frozen=True)
class Case:
    """A bad request, and its `ret_code`."""

    why: str
    content: str | bytes
    code: int
    path: str = BATCH
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.why


def batch(operator: object, **request: object) -> str:
    return json.dumps({"operator_type": operator, **request})


def typed(name: str, *values: str, inside: str, code: int = MALFORMED) -> list[Case]:
    """A field with values that it may not have; `inside` is the request around it."""
    return [Case(f"{name} {value[:30]}", inside.replace("VALUE", value), code) for value in values]


NO_TEXT = ("1", "1.5", "true", "[]", "{}", '["good"]')
NO_NUMBER = ("1.5", "true", "[]", "{}", "[2]", '"two"', '""', '" 2"', '"2.0"', "NaN", "Infinity", "02", "1e400")
NO_LIST = ('"good"', "1", "true", "{}")
TOO_LARGE = ("2147483648", "-2147483649", "99999999999999999999", '"2147483648"')

OF_OPERATOR = '{"operator_type":VALUE,"token_accounts":[' + json.dumps(ENTRY) + '],"token_list":["good"]}'
OF_TOKEN = '{"operator_type":2,"token_accounts":[{"token":VALUE,"account_list":[{"account":"someone"}]}]}'
OF_ACCOUNT = '{"operator_type":2,"token_accounts":[{"token":"good","account_list":[{"account":VALUE}]}]}'
OF_TYPE = (
    '{"operator_type":2,"token_accounts":[{"token":"good","account_list":[{"account":"ab","account_type":VALUE}]}]}'
)
OF_DEFAULT = '{"operator_type":5,"account_list":[{"account":"someone"}],"account_type":VALUE}'

WRONG_TYPES = [
    *typed("operator_type", *NO_NUMBER, *TOO_LARGE, inside=OF_OPERATOR),
    *typed("operator_type", "0", "-0", "null", '"0"', inside=OF_OPERATOR, code=MISSING),
    *typed("operator_type", "6", "-1", "2147483647", '"6"', inside=OF_OPERATOR, code=INVALID),
    *typed("token", *NO_TEXT, inside=OF_TOKEN),
    *typed("token", "null", inside=OF_TOKEN, code=ALL_FAILED),
    *typed("account", *NO_TEXT, inside=OF_ACCOUNT),
    *typed("account", "null", inside=OF_ACCOUNT, code=ALL_FAILED),
    *typed("account_type", *NO_NUMBER, *TOO_LARGE, inside=OF_TYPE),
    *typed("account_type", "-1", "65536", '"65536"', inside=OF_TYPE, code=ALL_FAILED),
    *typed("default account_type", *NO_NUMBER, *TOO_LARGE, inside=OF_DEFAULT),
    *typed("default account_type", "-1", "65536", inside=OF_DEFAULT, code=INVALID),
    *typed(
        "token_accounts",
        *NO_LIST,
        json.dumps(ENTRY),
        '["good"]',
        "[1]",
        "[null]",
        f"[{json.dumps(ENTRY)},null]",
        f"[[{json.dumps(ENTRY)}]]",
        inside='{"operator_type":2,"token_accounts":VALUE}',
    ),
    *typed(
        "account_list of a token",
        *NO_LIST,
        '{"account":"someone"}',
        '["someone"]',
        "[null]",
        "[[]]",
        inside='{"operator_type":2,"token_accounts":[{"token":"good","account_list":VALUE}]}',
    ),
    *typed(
        "account_list",
        *NO_LIST,
        '{"account":"someone"}',
        '["someone"]',
        '[null,{"account":"someone"}]',
        '[[{"account":"someone"}]]',
        inside='{"operator_type":5,"account_list":VALUE}',
    ),
    *typed(
        "token_list",
        *NO_LIST,
        "[1]",
        "[true]",
        '["good",null]',
        '[["good"]]',
        '[{"token":"good"}]',
        '["good",{}]',
        inside='{"operator_type":4,"token_list":VALUE}',
    ),
    *typed(
        "request_id", "1", "true", "[]", "{}", inside='{"operator_type":4,"token_list":["good"],"request_id":VALUE}'
    ),
]

LISTS = [
    *typed("token_accounts", "[]", "null", inside='{"operator_type":2,"token_accounts":VALUE}', code=MISSING),
    *typed("token_list", "[]", "null", inside='{"operator_type":4,"token_list":VALUE}', code=MISSING),
    *typed("account_list", "[]", "null", inside='{"operator_type":5,"account_list":VALUE}', code=MISSING),
    *(
        Case(f"operator {operator} without its list", batch(operator, **request), MISSING)
        for operator, request in [
            *((operator, {"token_list": TOKENS, "account_list": ACCOUNTS}) for operator in (1, 2, 3)),
            (4, {"token_accounts": [ENTRY], "account_list": ACCOUNTS}),
            (5, {"token_accounts": [ENTRY], "token_list": TOKENS}),
        ]
    ),
    *(
        Case(f"operator {operator} for 21 tokens", batch(operator, token_accounts=[ENTRY] * 21), INVALID)
        for operator in (1, 2, 3)
    ),
    Case("1001 tokens", batch(4, token_list=["good"] * 1001), INVALID),
    Case("1001 accounts", batch(5, account_list=ACCOUNTS[:1] * 1001), INVALID),
    Case("101 accounts", batch(2, token_accounts=[entry("good", *["ab"] * 101)]), ALL_FAILED),
    Case("no accounts", batch(2, token_accounts=[entry("good")]), ALL_FAILED),
    Case("bad tokens alone", batch(4, token_list=["", "good\0", "t" * 256]), ALL_FAILED),
    Case("bad accounts alone", batch(5, account_list=[account("x"), account("someone\n"), {}]), ALL_FAILED),
]

BODIES = {
    "nothing": ("", MISSING),
    "no field": ("{}", MISSING),
    "blanks": (" \n", MALFORMED),
    "an array": (f"[{json.dumps(GOOD)}]", MALFORMED),
    "a number": ("4", MALFORMED),
    "a text": ('"good"', MALFORMED),
    "null": ("null", MALFORMED),
    "half of it": (json.dumps(GOOD)[:-1], MALFORMED),
    "trailing garbage": (json.dumps(GOOD) + "x", MALFORMED),
    "two of them": (json.dumps(GOOD) * 2, MALFORMED),
    "a byte order mark": ("\ufeff" + json.dumps(GOOD), MALFORMED),
    "single quotes": ("{'operator_type':4,'token_list':['good']}", MALFORMED),
    "no quotes": ('{operator_type:4,token_list:["good"]}', MALFORMED),
    "a comma more": ('{"operator_type":4,"token_list":["good",]}', MALFORMED),
    "a comment": ('{"operator_type":4,/**/"token_list":["good"]}', MALFORMED),
    "a form": ("operator_type=4&token_list=good", MALFORMED),
    "XML": ("<token>good</token>", MALFORMED),
    "zeros": (b"\0" * 5, MALFORMED),
    "every byte": (bytes(range(256)), MALFORMED),
    "UTF-16": (json.dumps(GOOD).encode("utf-16"), MALFORMED),
    "gzip": (gzip.compress(json.dumps(GOOD).encode()), MALFORMED),
    "the operator twice": ('{"operator_type":4,"operator_type":5,"token_list":["good"]}', MALFORMED),
    "a list twice": ('{"operator_type":4,"token_list":["good"],"token_list":["other"]}', MALFORMED),
    "a list in both spellings": ('{"operator_type":4,"token_list":["good"],"tokenList":["other"]}', MALFORMED),
    "a list under an escaped name": (r'{"operator_type":4,"token\u005flist":["good"]}', MALFORMED),
    "an account under an escaped name": (OF_ACCOUNT.replace("VALUE", r'"someone","\u0061ccount":"another"'), MALFORMED),
    "a token twice": (OF_TOKEN.replace("VALUE", '"good","token":"other"'), MALFORMED),
    "an account twice": (OF_ACCOUNT.replace("VALUE", '"someone","account":"another"'), MALFORMED),
    "2 MiB": (" " * 2_097_152, INVALID),
    "2 MiB that would do": (json.dumps(GOOD | {"platform": "p" * 2_097_152}), INVALID),
    "100,000 lists deep": (json.dumps(GOOD)[:-1] + ',"platform":' + "[" * 100_000 + "]" * 100_000 + "}", MALFORMED),
    "101 objects deep": (json.dumps(GOOD)[:-1] + ',"platform":' + '{"a":' * 101 + "1" + "}" * 102, MALFORMED),
    "deep, and never closed": ('{"token_accounts":[' * 50_000, MALFORMED),
}

# Of a token; in UTF-8 they are none, or escapes that stand for none.
NO_UTF8 = {
    "a byte of no character": b"\xff",
    "two bytes for one": b"\xc0\x80",
    "a surrogate": b"\xed\xa0\x80",
    "more than there is": b"\xf4\x90\x80\x80",
    "half a character": b"\xe7\xbb",
    "half a pair": b"\\ud800",
    "the other half": b"\\udc00",
    "half a pair and a letter": b"\\ud800\\u0041",
    "the wrong way round": b"\\udc00\\ud800",
    "an escape that is none": b"\\x41",
    "three digits": b"\\u004",
    "a bare NUL": b"\0",
    "a bare line feed": b"\n",
}

CALLS = [
    *(Case(why, content, code) for why, (content, code) in BODIES.items()),
    *(
        Case(f"{why} in a token", b'{"operator_type":4,"token_list":["good' + bad + b'"]}', MALFORMED)
        for why, bad in NO_UTF8.items()
    ),
    *(
        Case(f"{why} beside it", json.dumps(GOOD)[:-1].encode() + b',"platform":"' + bad + b'"}', MALFORMED)
        for why, bad in NO_UTF8.items()
    ),
    *(
        Case(f"by {method}", json.dumps(GOOD), INVALID, method=method)
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
    ),
    *(
        Case(f"at {path}", json.dumps(GOOD), INVALID, path=path)
        for path in (
            f"{BATCH}/",
            f"{BATCH};x=1",
            "/v3/device/account//batchoperate",
            "/v3/device/account/BatchOperate",
            "/v3/device/account",
            "/v3/",
            "/v3",
        )
    ),
    Case("at an escaped slash", json.dumps(GOOD), MALFORMED, path="/v3/device/account%2fbatchoperate"),
    Case("a query string for the body", "{}", MISSING, path=f"{BATCH}?operator_type=4&token_list=good"),
    Case("a query string for a field", '{"operator_type":4}', MISSING, path=f"{BATCH}?token_list=good&tokenList=good"),
    Case("said to be gzip", gzip.compress(json.dumps(GOOD).encode()), MALFORMED, headers={"content-encoding": "gzip"}),
]

QUESTIONS: dict[str, tuple[str, int]] = {
    "operator 3": (batch(3, token_list=TOKENS), INVALID),
    "operator 0": (batch(0, token_list=TOKENS), MISSING),
    "operator 2.5": (batch(2.5, token_list=TOKENS), MALFORMED),
    "no list": (batch(1, token_list=TOKENS), MISSING),
    "the other list": (batch(2, account_list=ACCOUNTS), MISSING),
    "an empty list": (batch(2, token_list=[]), MISSING),
    "a text for a list": (batch(2, token_list="good"), MALFORMED),
    "a null in a list": (batch(2, token_list=["good", None]), MALFORMED),
    "an object for a list": (batch(1, account_list=ACCOUNTS[0]), MALFORMED),
    "1001 tokens": (batch(2, token_list=["good"] * 1001), INVALID),
    "1001 accounts": (batch(1, account_list=ACCOUNTS[:1] * 1001), INVALID),
    "a type that is none": (batch(1, account_list=ACCOUNTS, account_type=65536), INVALID),
    "bad ones alone": (batch(2, token_list=["", "x\0"]), NOTHING),
    "not JSON": ("{", MALFORMED),
    "nothing": ("", MISSING),
    "2 MiB": (" " * 2_097_152, INVALID),
}


@pytest_asyncio.fixture(scope="module")
async def app(stack: Stack) -> AsyncIterator[Devices]:
    """A push app that has something to lose."""
    async with push_app(stack) as made:
        await made.bind("good", "someone", ("someone", 4))
        await made.bind("other", "someone")
        yield made


@pytest.mark.parametrize("case", [*WRONG_TYPES, *LISTS, *CALLS], ids=str)
async def test_batchoperate(app: Devices, case: Case) -> None:
    before = await app.everything()
    answer = said(await app.http.request(case.method, case.path, content=case.content, headers=case.headers))
    assert answer["ret_code"] == case.code, answer
    assert case.code == ALL_FAILED or answer["result"] == []
    assert await app.everything() == before


@pytest.mark.parametrize("why", QUESTIONS)
async def test_query(app: Devices, why: str) -> None:
    content, code = QUESTIONS[why]
    answer = said(await app.http.post(QUERY, content=content))
    assert (answer["ret_code"], answer["result"]) == (code, []), answer


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""])
async def test_the_content_type_is_not_looked_at(app: Devices, kind: str) -> None:
    asked: Json = {"operator_type": 2, "token_list": ["good"]}
    answer = await app.http.post(QUERY, content=json.dumps(asked), headers={"content-type": kind})
    assert said(answer)["ret_code"] == 0


async def test_a_number_may_be_text_or_have_a_point(app: Devices) -> None:
    for number in ('"2"', "2.0", "2e0", "0.2e1"):
        answer = await app.http.post(QUERY, content=f'{{"operator_type":{number},"token_list":["good"]}}')
        assert said(answer)["result"] == ["0"]


async def test_fields_in_the_other_spelling(app: Devices) -> None:
    answer = await app.http.post(QUERY, json={"operatorType": 2, "tokenList": ["good"]})
    assert said(answer)["result"] == ["0"]
