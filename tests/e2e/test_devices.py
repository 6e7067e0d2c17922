"""The vendor's account API, as a push app's backend calls it: every rule, through the gateway."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask
from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2

from deploy.local.stack import Stack
from services.token.identities import Identities
from tests.support.devices import BATCH, QUERY, Devices, Json, account, entry, push_app, said
from tests.support.token_client import TokenClient
from tests.support.world import World

MEBIBYTE = 1024 * 1024
DONE = {"ret_code": 0, "err_msg": "NO_ERROR"}


@pytest_asyncio.fixture
async def app(stack: Stack) -> AsyncIterator[Devices]:
    async with push_app(stack) as made:
        yield made


@pytest_asyncio.fixture
async def adding(stack: Stack) -> AsyncIterator[Devices]:
    async with push_app(stack, append_enabled=True) as made:
        yield made


async def test_operators_1_and_2_replace_accounts_of_every_type(app: Devices) -> None:
    for operator in (1, 2):
        await app.bind("phone", "old", ("older", 7))
        answer = await app.batch(operator, token_accounts=[entry("phone", ("new", 9)), entry("pad", "new")])
        assert answer == DONE | {"result": ["0", "0"]}
        assert await app.rows() == [("pad", 0, "new"), ("phone", 9, "new")]


async def test_operator_1_adds_where_the_app_is_made_so(adding: Devices) -> None:
    await adding.bind("phone", "old", ("older", 7))
    listed = [entry("phone", ("newer", 7)), entry("phone", ("third", 8))]
    assert await adding.batch(1, token_accounts=listed) == DONE | {"result": ["0", "0"]}
    assert await adding.rows() == [("phone", 0, "old"), ("phone", 7, "newer"), ("phone", 8, "third")]
    await adding.bind("phone", ("alone", 8))
    assert await adding.rows() == [("phone", 8, "alone")]


async def test_the_later_one_wins(app: Devices) -> None:
    await app.bind("phone", "first", ("other", 1), "second")
    assert await app.rows() == [("phone", 0, "second"), ("phone", 1, "other")]
    listed = [entry("phone", "third", ("fourth", 2)), entry("phone", "fifth")]
    assert await app.batch(2, token_accounts=listed) == DONE | {"result": ["0", "0"]}
    assert await app.rows() == [("phone", 0, "fifth")]


async def test_the_same_entry_twice_is_the_same_as_once(app: Devices) -> None:
    for operator in (1, 2):
        answer = await app.batch(operator, token_accounts=[entry("phone", "someone", "someone")] * 20)
        assert answer == DONE | {"result": ["0"] * 20}
        assert await app.rows() == [("phone", 0, "someone")]


async def test_operators_3_and_5_match_account_and_type(app: Devices) -> None:
    await app.bind("phone", "same", ("same", 7), ("same", 8))
    await app.bind("pad", "same", ("same", 7))
    assert await app.batch(3, token_accounts=[entry("phone", ("same", 7))]) == DONE | {"result": ["0"]}
    assert await app.rows() == [("pad", 0, "same"), ("pad", 7, "same"), ("phone", 0, "same"), ("phone", 8, "same")]
    assert await app.batch(5, account_list=[account("same")]) == DONE | {"result": ["0"]}
    assert await app.rows() == [("pad", 7, "same"), ("phone", 8, "same")]


async def test_operator_4_clears_tokens(app: Devices) -> None:
    await app.bind("phone", "someone", ("mail", 1005))
    await app.bind("pad", "someone")
    assert await app.batch(4, token_list=["phone", "unknown", "phone"]) == DONE | {"result": ["0"] * 3}
    assert await app.rows() == [("pad", 0, "someone")]


async def test_what_is_not_bound_is_unbound(app: Devices) -> None:
    await app.bind("phone", "someone")
    before = await app.everything()
    assert await app.batch(3, token_accounts=[entry("phone", "other"), entry("pad", "x1")]) == DONE | {
        "result": ["0", "0"]
    }
    assert await app.batch(4, token_list=["pad"]) == DONE | {"result": ["0"]}
    assert await app.batch(5, account_list=[account("other"), account(("someone", 1))]) == DONE | {"result": ["0", "0"]}
    assert await app.everything() == before


async def test_a_type_of_an_account_and_one_of_the_request(app: Devices) -> None:
    listed = [entry("phone", "of-the-request", ("its-own", 9), ("zero", 0)), entry("pad", ("most", 65535))]
    await app.batch(2, token_accounts=listed, account_type=7)
    rows = [("pad", 65535, "most"), ("phone", 0, "zero"), ("phone", 7, "of-the-request"), ("phone", 9, "its-own")]
    assert await app.rows() == rows
    await app.batch(3, token_accounts=[entry("phone", "of-the-request")])
    assert await app.rows() == rows
    await app.batch(3, token_accounts=[entry("phone", "of-the-request")], account_type=7)
    await app.batch(5, account_list=[account("its-own")], account_type=9)
    assert await app.rows() == [rows[0], rows[1]]


async def test_as_much_as_one_call_takes(app: Devices) -> None:
    full = [entry(f"token{n}", *[(f"account{n}.{kind}", kind) for kind in range(100)]) for n in range(20)]
    assert await app.batch(2, token_accounts=full) == DONE | {"result": ["0"] * 20}
    assert len(await app.rows()) == 2000
    assert await app.batch(3, token_accounts=full[:1]) == DONE | {"result": ["0"]}
    assert len(await app.rows()) == 1900
    answer = await app.query(2, token_list=[f"token{n}" for n in range(1000)])
    assert answer["result"] == ["10110008"] + ["0"] * 19 + ["10110008"] * 980
    accounts = [account((f"account{n}.{kind}", kind)) for n in range(1, 11) for kind in range(100)]
    assert await app.batch(5, account_list=accounts) == DONE | {"result": ["0"] * 1000}
    assert len(await app.rows()) == 900
    assert await app.batch(4, token_list=[f"token{n}" for n in range(1000)]) == DONE | {"result": ["0"] * 1000}
    assert await app.rows() == []


@pytest.mark.parametrize("more", [0, 1], ids=["1 MiB", "1 byte more"])
@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
async def test_a_body_of_a_mebibyte(world: World, scheme: str, *, chunked: bool, more: int) -> None:
    head, tail = b'{"operator_type":4,"token_list":["unknown"],"platform":"', b'"}'
    body = head + b"p" * (MEBIBYTE + more - len(head) - len(tail)) + tail

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    async with world.http() as http:
        scope = f"push:{world.demo['push_access_id']}"
        headers = await world.bearer(http, scope=scope) if scheme == "Bearer" else {}
        auth = world.push() if scheme == "Basic" else None
        answer = said(await http.post(BATCH, content=pieces() if chunked else body, headers=headers, auth=auth))
    assert answer["ret_code"] == (1008007 if more else 0)


GOOD_TOKENS = ["t", "t" * 255, "统" * 85, "😀" * 63, " ", "\"'\\/<>&%;\u00a0"]
BAD_TOKENS = ["", "t" * 256, "统" * 85 + "t", "统" * 86, "a\0", "a\n", "\x7f", "\x85", "\u2028"]
GOOD_ACCOUNTS = ["ab", "a" * 255, "统" * 255, "😀" * 255, "  ", "\"'\\/<>&%;\u00a0"]
BAD_ACCOUNTS = ["", "a", "统", "😀", "a" * 256, "统" * 256, "ab\0", "ab\n", "ab\x7f", "ab\x85", "ab\u2029"]


async def test_what_a_token_may_be(app: Devices) -> None:
    listed = [token for pair in zip(GOOD_TOKENS, BAD_TOKENS, strict=False) for token in pair] + BAD_TOKENS[6:]
    codes = ["1008006" if token in BAD_TOKENS else "0" for token in listed]
    failed = f"{len(BAD_TOKENS)} of {len(listed)} entries failed."
    answer = await app.batch(2, token_accounts=[entry(token, f"of {n}") for n, token in enumerate(listed)])
    assert answer == {"ret_code": 1008026, "err_msg": failed, "result": codes}
    assert [row[0] for row in await app.rows()] == sorted(GOOD_TOKENS)
    found = await app.query(2, token_list=listed)
    assert (found["ret_code"], found["result"]) == (0, codes)
    assert [each["token"] for each in found["token_accounts"]] == GOOD_TOKENS
    assert (await app.batch(4, token_list=listed))["result"] == codes
    assert await app.rows() == []


async def test_what_an_account_may_be(app: Devices) -> None:
    listed = [name for pair in zip(GOOD_ACCOUNTS, BAD_ACCOUNTS, strict=False) for name in pair] + BAD_ACCOUNTS[6:]
    codes = ["1008007" if name in BAD_ACCOUNTS else "0" for name in listed]
    failed = f"{len(BAD_ACCOUNTS)} of {len(listed)} entries failed."
    answer = await app.batch(2, token_accounts=[entry(f"t{n}", name) for n, name in enumerate(listed)])
    assert answer == {"ret_code": 1008026, "err_msg": failed, "result": codes}
    assert sorted(row[2] for row in await app.rows()) == sorted(GOOD_ACCOUNTS)
    accounts = [account(name) for name in listed]
    found = await app.query(1, account_list=accounts)
    assert (found["ret_code"], found["result"]) == (0, codes)
    assert [each["account"] for each in found["account_tokens"]] == GOOD_ACCOUNTS
    assert (await app.batch(5, account_list=accounts))["result"] == codes
    assert await app.rows() == []


async def test_each_entry_has_its_code_and_the_rest_is_applied(app: Devices) -> None:
    listed = [
        entry("phone", "a good one"),
        entry("", "someone"),
        entry("pad", "x"),
        entry("pad", "good", ("bad", 65536)),
        entry("pad", "good", ("bad", -1)),
        entry("pad"),
        entry("pad", *[(f"account{n}", n) for n in range(101)]),
        {"account_list": [account("someone")]},
        {"token": "pad"},
        {},
        entry("watch", "a good one"),
    ]
    codes = ["0", "1008006", *["1008007"] * 5, "1008006", "1008007", "1008006", "0"]
    for operator in (1, 2):
        answer = await app.batch(operator, token_accounts=listed)
        assert answer == {"ret_code": 1008026, "err_msg": "9 of 11 entries failed.", "result": codes}
        assert await app.rows() == [("phone", 0, "a good one"), ("watch", 0, "a good one")]
    assert (await app.batch(3, token_accounts=listed))["result"] == codes
    assert await app.rows() == []


async def test_query_answers_in_both_spellings(app: Devices) -> None:
    await app.bind("phone", ("someone", 3))
    answer = (await app.http.post(QUERY, json={"operator_type": 2, "token_list": ["phone", "", "other"]})).json()
    assert answer == {
        "retCode": 0,
        "errMsg": "ok",
        "ret_code": 0,
        "err_msg": "ok",
        "result": ["0", "1008006", "10110008"],
        "account_tokens": [],
        "token_accounts": [{"token": "phone", "account_list": [{"account": "someone", "account_type": 3}]}],
    }
    answer = (await app.http.post(QUERY, json={"operator_type": 1, "account_list": [account(("someone", 3))]})).json()
    assert answer["account_tokens"] == [{"account": "someone", "account_type": 3, "token_list": ["phone"]}]


@pytest.mark.parametrize(
    "asked",
    [
        {"operator_type": 1, "account_list": [account("someone")]},
        {"operator_type": 1, "account_list": [account(("someone", 4)), account("x")]},
        {"operator_type": 2, "token_list": ["pad", "", "watch"]},
    ],
    ids=["another type", "a bad one, too", "tokens"],
)
async def test_nothing_at_all_is_found(app: Devices, asked: Json) -> None:
    await app.bind("phone", ("someone", 3))
    answer = (await app.http.post(QUERY, json=asked)).json()
    message = "No token or account was found."
    assert answer == {
        "retCode": 10110008,
        "errMsg": message,
        "ret_code": 10110008,
        "err_msg": message,
        "result": [],
    }


@pytest.mark.parametrize("path", [BATCH, QUERY])
async def test_credentials(app: Devices, world: World, path: str) -> None:
    bad: list[Any] = [
        httpx.BasicAuth(str(app.access_id), "wrong"),
        httpx.BasicAuth(str(app.access_id), str(world.demo["push_secret_key"])),
        httpx.BasicAuth(str(app.access_id + 1_000_000), app.secret_key),
        httpx.BasicAuth("x", "x"),
        httpx.BasicAuth("9" * 30, "x"),
        httpx.BasicAuth("", ""),
        httpx.BasicAuth(world.demo["client_id"], world.demo["client_secret"]),
        None,
    ]
    request = {"operator_type": 4, "token_list": ["phone"]}
    for auth in bad:
        assert said(await app.http.post(path, json=request, auth=auth))["ret_code"] == 1008003
    for credential in ("Bearer x", "Bearer", "Basic", "Basic %", "acs x:y"):
        answer = await app.http.post(path, json=request, auth=None, headers={"authorization": credential})
        assert said(answer)["ret_code"] == 1008003
    # An access token that speaks for no push app.
    async with world.http() as http:
        answer = await http.post(path, json=request, headers=await world.bearer(http))
    assert said(answer)["ret_code"] == 1008003


async def test_a_disabled_app(app: Devices, stack: Stack, world: World) -> None:
    await app.bind("phone", "someone")
    before = await app.everything()
    async with world.channel("token") as channel:
        client = TokenClient(channel, Identities.read(stack.home.identities).as_json())
        disabled = nouns_pb2.PushApp(access_id=app.access_id, enabled=False)
        await client.admin.UpdatePushApp(
            admin_pb2.UpdatePushAppRequest(push_app=disabled, update_mask=FieldMask(paths=["enabled"])),
            metadata=await client.operator(),
        )
    async with asyncio.timeout(10):
        while (await app.query(2, token_list=["phone"]))["ret_code"] != 1008003:
            await asyncio.sleep(0.05)
    answer = await app.batch(4, token_list=["phone"])
    assert (answer["ret_code"], answer["result"]) == (1008003, [])
    assert await app.everything() == before


@pytest.mark.parametrize("value", ["android", "", 1, 1.5, True, None, [], {}, [{"a": [None]}]], ids=repr)
async def test_fields_of_old_clients_may_be_anything(app: Devices, value: object) -> None:
    old = {"platform": value, "op_type": value, "op_id": value}
    assert await app.batch(2, token_accounts=[entry("phone", "someone")], **old) == DONE | {"result": ["0"]}
    assert (await app.query(2, token_list=["phone"], **old))["ret_code"] == 0


async def fill(app: Devices, letter: str, accounts: int) -> list[Json]:
    """Bind each account to 100 tokens of 255 bytes, past the API, which takes 20 at a time; the accounts."""
    await app.connection.execute(
        """
        insert into binding.binding (access_id, token, account_type, account, op, bound_at)
        select $1, repeat($2, 250) || lpad((a / 100 * 100 + t)::text, 5, '0'), a % 100, 'account' || a,
            nextval('binding.op'), now()
        from generate_series(0, $3::int - 1) as a cross join generate_series(0, 99) as t
        """,
        app.access_id,
        letter,
        accounts,
    )
    return [account((f"account{n}", n % 100)) for n in range(accounts)]


@pytest.mark.timeout(120)
async def test_an_answer_of_a_hundred_thousand_bindings(app: Devices) -> None:
    accounts = await fill(app, "t", 1000)
    answer = await app.query(1, account_list=accounts)
    assert (answer["ret_code"], answer["result"]) == (0, ["0"] * 1000)
    assert {len(found["token_list"]) for found in answer["account_tokens"]} == {100}
    assert len(json.dumps(answer)) > 25_000_000


@pytest.mark.timeout(120)
async def test_an_answer_that_would_be_too_large(app: Devices) -> None:
    # Each is printed as six.
    accounts = await fill(app, "<", 300)
    before = await app.rows()
    answer = await app.query(1, account_list=accounts)
    assert answer == {
        "ret_code": 1008007,
        "err_msg": "What is asked for is more than an answer may hold. Ask for less at a time.",
        "result": [],
    }
    assert (await app.query(1, account_list=accounts[:20]))["ret_code"] == 0
    assert await app.rows() == before
