"""`Idempotency-Key` on /v3: a call that may be made again, and has the answer that it had."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio

from deploy.local.stack import Stack
from services.runtime.ids import uuid7
from tests.support.devices import BATCH, QUERY, Devices, Json, account, entry, push_app, said
from tests.support.world import World

BIND: Json = {"operator_type": 2, "token_accounts": [entry("phone", "someone"), entry("", "someone")]}
BOUND = {"ret_code": 1008026, "err_msg": "1 of 2 entries failed.", "result": ["0", "1008006"]}


@pytest_asyncio.fixture
async def app(stack: Stack) -> AsyncIterator[Devices]:
    async with push_app(stack) as made:
        yield made


def key(age: timedelta = timedelta(0)) -> str:
    """A new key."""
    return str(uuid7(datetime.now(UTC) - age))


async def call(app: Devices, request: Json, *keys: str) -> Json:
    """Batchoperate, with the header for each of the keys."""
    return said(await app.http.post(BATCH, json=request, headers=[("Idempotency-Key", each) for each in keys]))


async def test_the_same_call_has_its_answer_and_changes_nothing(app: Devices) -> None:
    made = key()
    assert await call(app, BIND, made) == BOUND
    before = await app.everything()
    for _ in range(3):
        assert await call(app, BIND, made) == BOUND
    # What the gateway ignores is no part of a call, nor is the order of its fields.
    assert await call(app, {"platform": "ios", **dict(reversed(BIND.items()))}, made) == BOUND
    assert await call(app, BIND, f'"{made}"') == BOUND
    assert await call(app, BIND, made.upper()) == BOUND
    assert await call(app, BIND | {"request_id": made}) == BOUND
    assert await call(app, BIND | {"request_id": made}, made) == BOUND
    assert await app.everything() == before


async def test_what_others_did_meanwhile_stays(app: Devices) -> None:
    made = key()
    assert await call(app, BIND, made) == BOUND
    await app.bind("phone", "somebody else")
    before = await app.everything()
    assert await call(app, BIND, made) == BOUND
    assert await app.everything() == before
    assert await app.rows() == [("phone", 0, "somebody else")]


async def test_without_a_key_it_acts_again(app: Devices) -> None:
    await call(app, BIND)
    await app.bind("phone", "somebody else")
    assert await call(app, BIND) == BOUND
    assert await app.rows() == [("phone", 0, "someone")]


@pytest.mark.parametrize(
    "other",
    [
        {"operator_type": 2, "token_accounts": [entry("phone", "someone")]},
        {"operator_type": 1, "token_accounts": BIND["token_accounts"]},
        {"operator_type": 2, "token_accounts": BIND["token_accounts"], "account_type": 1},
        {"operator_type": 4, "token_list": ["phone"]},
        {"operator_type": 5, "account_list": [account("someone")]},
    ],
    ids=["fewer", "operator", "type", "clear the token", "clear the account"],
)
async def test_another_call_with_the_key_is_refused(app: Devices, other: Json) -> None:
    made = key()
    await call(app, BIND, made)
    before = await app.everything()
    refused = {"ret_code": 1008007, "err_msg": "Idempotency-Key was used for another call.", "result": []}
    assert await call(app, other, made) == refused
    assert await app.everything() == before
    assert await call(app, BIND, made) == BOUND


DAY = timedelta(hours=24)
NO_UUID = "The input parameter Idempotency-Key is not valid."
NOT_7 = "Idempotency-Key is no UUID of version 7."
NOT_OF_TODAY = "Idempotency-Key is not of the last 24 hours."


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ([key(DAY + timedelta(minutes=1))], NOT_OF_TODAY),
        ([key(timedelta(days=30))], NOT_OF_TODAY),
        ([key(timedelta(hours=-2))], NOT_OF_TODAY),
        ([str(uuid.UUID(int=7 << 76 | 2 << 62))], NOT_OF_TODAY),
        ([str(uuid.uuid4())], NOT_7),
        ([str(uuid.uuid1())], NOT_7),
        ([str(uuid.UUID(int=0))], NOT_7),
        (["one"], NO_UUID),
        ([""], NO_UUID),
        (['""'], NO_UUID),
        (['"'], NO_UUID),
        (["{" + key() + "}"], NO_UUID),
        ([key().replace("-", "")], NO_UUID),
        ([key() + ", " + key()], NO_UUID),
        (["k" * 5000], NO_UUID),
        ([key(), key()], NO_UUID),
        ([key()] * 2, NO_UUID),
    ],
    ids=[
        "a day and a minute old",
        "a month old",
        "of later",
        "of 1970",
        "version 4",
        "version 1",
        "no version",
        "a word",
        "empty",
        "empty, in quotes",
        "one quote",
        "in braces",
        "no hyphens",
        "two in one header",
        "5,000 letters",
        "two headers",
        "the same header twice",
    ],
)
async def test_a_key_that_is_none(app: Devices, keys: list[str], message: str) -> None:
    await app.bind("phone", "before")
    before = await app.everything()
    assert await call(app, BIND, *keys) == {"ret_code": 1008007, "err_msg": message, "result": []}
    assert await app.everything() == before


async def test_a_header_and_a_field_that_differ(app: Devices) -> None:
    refused = {"ret_code": 1008007, "err_msg": NO_UUID, "result": []}
    assert await call(app, BIND | {"request_id": key()}, key()) == refused
    assert await app.everything() == []


async def test_a_key_of_almost_a_day(app: Devices) -> None:
    made = key(DAY - timedelta(minutes=2))
    assert await call(app, BIND, made) == BOUND
    await app.bind("phone", "somebody else")
    assert await call(app, BIND, made) == BOUND
    assert await app.rows() == [("phone", 0, "somebody else")]


async def test_a_call_that_comes_to_nothing_is_kept_too(app: Devices) -> None:
    made, nothing = key(), {"operator_type": 4, "token_list": ["", "x\0"]}
    failed = {"ret_code": 1008027, "err_msg": "All entries failed.", "result": ["1008006", "1008006"]}
    assert await call(app, nothing, made) == failed
    assert await call(app, nothing, made) == failed
    assert (await call(app, BIND, made))["ret_code"] == 1008007


async def test_a_refused_call_leaves_the_key(app: Devices) -> None:
    made = key()
    assert (await call(app, {"operator_type": 9}, made))["ret_code"] == 1008007
    assert (await call(app, {"operator_type": 4}, made))["ret_code"] == 1008002
    assert await call(app, BIND, made) == BOUND


async def test_of_many_at_once_one_acts(app: Devices) -> None:
    made = key()
    assert await asyncio.gather(*(call(app, BIND, made) for _ in range(20))) == [BOUND] * 20
    kept = [row[0] for row in await app.everything()]
    assert sorted(kept) == ["binding", "change", "request"]


async def test_of_different_calls_at_once_one_acts(app: Devices) -> None:
    made = key()
    requests = [{"operator_type": 2, "token_accounts": [entry(f"phone{n}", "someone")]} for n in range(10)]
    answers = await asyncio.gather(*(call(app, request, made) for request in requests))
    assert sorted(answer["ret_code"] for answer in answers) == [0] + [1008007] * 9
    assert len(await app.rows()) == 1


async def test_a_large_call_may_be_made_again(app: Devices) -> None:
    """It takes several transactions."""
    entries = [entry(f"phone{n}", *[(f"account{n}.{kind}", kind) for kind in range(100)]) for n in range(20)]
    made, request = key(), {"operator_type": 2, "token_accounts": entries}
    done = {"ret_code": 0, "err_msg": "NO_ERROR", "result": ["0"] * 20}
    assert await call(app, request, made) == done
    await app.batch(4, token_list=["phone7"])
    before = await app.everything()
    assert await call(app, request, made) == done
    assert await app.everything() == before


async def test_another_app_has_keys_of_its_own(app: Devices, stack: Stack) -> None:
    made = key()
    async with push_app(stack) as other:
        assert await call(app, BIND, made) == BOUND
        request = {"operator_type": 2, "token_accounts": [entry("pad", "someone")]}
        assert (await call(other, request, made))["ret_code"] == 0
        assert await other.rows() == [("pad", 0, "someone")]


async def test_query_takes_none(app: Devices) -> None:
    await app.bind("phone", "someone")
    headers = [("Idempotency-Key", "whatever"), ("Idempotency-Key", "twice")]
    asked = {"operator_type": 2, "token_list": ["phone"], "request_id": "none"}
    first = said(await app.http.post(QUERY, json=asked, headers=headers))
    await app.bind("phone", "somebody else")
    second = said(await app.http.post(QUERY, json=asked, headers=headers))
    assert (first["ret_code"], second["ret_code"]) == (0, 0)
    assert first["token_accounts"] != second["token_accounts"]


async def test_with_an_access_token(world: World) -> None:
    made, token = key(), f"phone-{uuid.uuid4()}"
    request = {"operator_type": 2, "token_accounts": [entry(token, "someone")]}
    async with world.http() as http:
        headers = await world.bearer(http, scope=f"push:{world.demo['push_access_id']}") | {"Idempotency-Key": made}
        for _ in range(2):
            assert said(await http.post(BATCH, json=request, headers=headers))["ret_code"] == 0
        # Another caller's call is another one, also where both speak for the same push app.
        answer = await http.post(BATCH, json=request, headers={"Idempotency-Key": made}, auth=world.push())
        assert said(answer)["err_msg"] == "Idempotency-Key was used for another call."
        clear = {"operator_type": 4, "token_list": [token]}
        assert said(await http.post(BATCH, json=clear, auth=world.push()))["ret_code"] == 0


async def test_bytes_that_are_no_text(app: Devices) -> None:
    headers = httpx.Headers([(b"idempotency-key", b"\xff\xfe")], encoding="latin-1")
    answer = said(await app.http.post(BATCH, json=BIND, headers=headers))
    assert answer["ret_code"] in (1008001, 1008007), answer
    assert await app.everything() == []
