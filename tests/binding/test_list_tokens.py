"""ListTokens, ListAccounts and ListBindings: page by page, while others bind and unbind."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.binding.callers import PushApp
from tests.binding.conftest import PushApps
from tests.binding.device_tokens import ADD, Caller, Replayed, keys, named, unbinding
from tests.support.calls import refused

Call = Callable[..., Awaitable[Any]]


async def bind_some(caller: Caller) -> list[tuple[str, int, str]]:
    """12 tokens with 5 accounts each, of which each has 3 tokens."""
    made = [(f"t{n:02}", kind, f"account {n // 3} {kind}") for n in range(12) for kind in range(5)]
    for n in range(12):
        await caller.bind(named(f"t{n:02}", *((account, kind) for token, kind, account in made if token == f"t{n:02}")))
    return made


@pytest.mark.parametrize("page_size", [1, 7, 1000])
async def test_accounts_of_tokens_in_the_order_asked_by_type(push_app: PushApp, page_size: int) -> None:
    caller = Caller.of(push_app)
    made = await bind_some(caller)
    # Some that have none, and some that stand twice.
    order = ["none", "t07", "t03", "t07", "x", "t11", "y"]
    found = await caller.all_pages(caller.accounts, *order, page_size=page_size)
    assert keys(found) == [row for token in ("t07", "t03", "t11") for row in made if row[0] == token]
    assert all(abs(each.bind_time.ToDatetime(UTC) - datetime.now(UTC)).total_seconds() < 60 for each in found)


@pytest.mark.parametrize("page_size", [1, 7, 1000])
async def test_tokens_of_accounts_in_the_order_asked_the_newest_first(push_app: PushApp, page_size: int) -> None:
    caller = Caller.of(push_app)
    await bind_some(caller)
    # The oldest becomes the newest.
    await caller.bind(named("t00", ("account 0 2", 2)), mode=ADD)
    order = [("account 3 4", 4), "none", ("account 0 2", 2), ("account 3 4", 4), ("account 0 2", 3), ("account 1 0", 0)]
    found = await caller.all_pages(caller.tokens, *order, page_size=page_size)
    assert keys(found) == [
        *((f"t{n:02}", 4, "account 3 4") for n in (11, 10, 9)),
        *((f"t{n:02}", 2, "account 0 2") for n in (0, 2, 1)),
        *((f"t{n:02}", 0, "account 1 0") for n in (5, 4, 3)),
    ]


@pytest.mark.parametrize("page_size", [1, 7, 1000])
async def test_all_bindings_by_token_and_type(push_apps: PushApps, page_size: int) -> None:
    push_app, other_app = await push_apps(), await push_apps()
    caller, other = Caller.of(push_app), Caller.of(other_app)
    made = await bind_some(caller)
    await other.bind(named("t00", "another app's"))
    assert keys(await caller.all_pages(caller.page, page_size=page_size)) == sorted(made)
    for asked in (other.accounts("t00"), other.tokens(("account 0 2", 2)), other.page()):
        assert keys((await asked).bindings) in ([("t00", 0, "another app's")], [])


async def test_only_the_first_page_has_a_cursor(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    await bind_some(caller)
    first = await caller.page(page_size=2)
    second = await caller.page(page_size=2, page_token=first.next_page_token)
    assert (bool(first.cursor), second.cursor) == (True, "")


async def test_nothing_bound(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    for answer in (await caller.accounts("t"), await caller.tokens("ann"), await caller.page()):
        assert (list(answer.bindings), answer.next_page_token) == ([], "")


async def test_a_page_has_50_unless_it_is_told_otherwise_and_1000_at_most(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    for kind in range(12):
        await caller.bind(*(named(f"t{n:03}", ("someone", kind)) for n in range(100)), mode=ADD)
    tokens = [f"t{n:03}" for n in range(100)]
    for listing, asked in (
        (caller.accounts, tokens),
        (caller.tokens, [("someone", kind) for kind in range(12)]),
        (caller.page, ()),
    ):
        for asked_size, size in ((0, 50), (999, 999), (1_000_000, 1000)):
            page = await listing(*asked, page_size=asked_size)
            assert (len(page.bindings), bool(page.next_page_token)) == (size, True)
        assert len(await caller.all_pages(listing, *asked, page_size=600)) == 1200


async def test_the_longest_names_have_pages_too(push_app: PushApp) -> None:
    caller = Caller.of(push_app)
    tokens = ["\N{GRINNING FACE}" * 63 + letter for letter in "abc"]
    account = "\N{GRINNING FACE}" * 255
    await caller.bind(*(named(token, (account, 65535)) for token in tokens))
    rows = [(token, 65535, account) for token in tokens]
    assert keys(await caller.all_pages(caller.page, page_size=1)) == rows
    assert keys(await caller.all_pages(caller.accounts, *tokens, page_size=1)) == rows
    assert keys(await caller.all_pages(caller.tokens, (account, 65535), page_size=1)) == rows[::-1]


@asynccontextmanager
async def others(caller: Caller, *entries: Any) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Four who bind and unbind what an entry of each says, for as long as the block runs."""

    async def change(entry: Any) -> None:
        while True:
            await caller.bind(entry, mode=ADD)
            await caller.unbind(*(unbinding(entry.token, (each.account, each.type)) for each in entry.accounts))

    tasks = [asyncio.create_task(change(entry)) for entry in entries]
    await asyncio.sleep(0.1)
    try:
        yield tasks
        assert not any(task.done() for task in tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_pages_while_others_bind_and_unbind(push_app: PushApp) -> None:
    """What is bound all the while stands on one page, once."""
    caller = Caller.of(push_app)
    staying = [(f"stays {n:03}", 5, "someone") for n in range(90)]
    await caller.bind(*(named(token, (account, kind), ("else", 500)) for token, kind, account in staying))
    # Before, between and behind those that stay; of their tokens, and of their account.
    changing = (
        named("a", ("someone", 5)),
        named("stays 020 and more", ("someone", 5)),
        named("stays 040", ("before", 1), ("between", 77), ("behind", 900)),
        named("z", ("someone", 5)),
    )
    async with others(caller, *changing):
        for listing, asked in (
            (caller.page, ()),
            (caller.accounts, [token for token, _, _ in staying]),
            (caller.tokens, [("someone", 5)]),
        ):
            found = keys(await caller.all_pages(listing, *asked, page_size=7))
            assert len(found) == len(set(found))
            seen = [row for row in found if row in staying]
            assert seen == (staying if listing != caller.tokens else staying[::-1])


@pytest.mark.parametrize("page_size", [3, 50])
async def test_a_listing_and_what_follows_it_lose_nothing(push_apps: PushApps, page_size: int) -> None:
    """Pages are read, and their cursor followed, while 8 write: what was told twice is applied twice."""
    push_app = await push_apps(cap=4)
    caller = Caller.of(push_app)

    async def write(seed: int) -> None:
        for step in range(40):
            token, kind = f"t{(seed * 7 + step * 3) % 20:02}", (seed + step) % 3
            if step % 4 == 3:
                await caller.unbind(unbinding(token) if step % 8 == 3 else unbinding(item=(f"account {seed}", kind)))
            else:
                mode = ADD if step % 2 else 0
                await caller.bind(named(token, (f"account {(seed + step) % 6}", kind)), mode=mode)

    writing = asyncio.gather(*(write(seed) for seed in range(8)))
    await asyncio.sleep(0.1)
    known = Replayed()
    page = first = await caller.page(page_size=page_size)
    while True:
        known.accounts |= {(token, kind): account for token, kind, account in keys(page.bindings)}
        if not page.next_page_token:
            break
        await asyncio.sleep(0.01)
        page = await caller.page(page_size=page_size, page_token=page.next_page_token)
    stream = caller.watch(first.cursor)
    async with asyncio.timeout(100):
        async for message in stream:
            known.take(message.changes, again=True)
            if writing.done() and message.up_to_date and known.rows() == await push_app.rows():
                break
    stream.cancel()
    await writing


@pytest.mark.parametrize(
    ("listing", "fields", "reason", "field"),
    [
        ("accounts", {"asked": []}, "FIELD_MISSING", "tokens"),
        ("accounts", {"asked": ["t"] * 1001}, "FIELD_INVALID", "tokens"),
        ("accounts", {"asked": ["t", "x" * 256]}, "FIELD_INVALID", "tokens[1]"),
        ("accounts", {"asked": ["t", ""]}, "FIELD_INVALID", "tokens[1]"),
        ("tokens", {"asked": []}, "FIELD_MISSING", "accounts"),
        ("tokens", {"asked": ["ann"] * 1001}, "FIELD_INVALID", "accounts"),
        ("tokens", {"asked": ["ann", "a"]}, "FIELD_INVALID", "accounts[1].account"),
        ("tokens", {"asked": ["ann", ""]}, "FIELD_MISSING", "accounts[1].account"),
        ("tokens", {"asked": ["ann", ("ann", 65536)]}, "FIELD_INVALID", "accounts[1].type"),
        *(
            (listing, {"asked": asked} | fields, "FIELD_INVALID", next(iter(fields)))
            for listing, asked in (("accounts", ["t"]), ("tokens", ["ann"]), ("page", []))
            for fields in ({"page_size": -1}, {"page_token": "x"}, {"page_token": "!"}, {"page_token": "x" * 3000})
        ),
    ],
)
async def test_no_listing(push_app: PushApp, listing: str, fields: dict[str, Any], reason: str, field: str) -> None:
    asked = fields.pop("asked")
    await refused(getattr(Caller.of(push_app), listing)(*asked, **fields), reason, field)


async def test_a_page_token_is_of_one_listing_one_question_and_one_push_app(push_apps: PushApps) -> None:
    push_app, other_app = await push_apps(), await push_apps()
    caller, other = Caller.of(push_app), Caller.of(other_app)
    await bind_some(caller)
    tokens, accounts = ["t00", "t01"], [("account 0 0", 0), ("account 0 1", 1)]
    of_tokens = (await caller.accounts(*tokens, page_size=1)).next_page_token
    of_accounts = (await caller.tokens(*accounts, page_size=1)).next_page_token
    of_all = (await caller.page(page_size=1)).next_page_token
    for call in (
        caller.accounts(*tokens[::-1], page_token=of_tokens),
        caller.accounts(*tokens, "t02", page_token=of_tokens),
        caller.accounts(*tokens, page_token=of_all),
        other.accounts(*tokens, page_token=of_tokens),
        caller.tokens(*accounts[::-1], page_token=of_accounts),
        caller.tokens(accounts[0], page_token=of_accounts),
        caller.tokens(*accounts, page_token=of_tokens),
        other.tokens(*accounts, page_token=of_accounts),
        caller.page(page_token=of_tokens),
        other.page(page_token=of_all),
    ):
        await refused(call, "FIELD_INVALID", "page_token")
    # Another size of the page is the same question.
    assert len((await caller.accounts(*tokens, page_size=100, page_token=of_tokens)).bindings) == 9


async def test_page_tokens_that_were_made_up(push_app: PushApp) -> None:
    """Numbers that Postgres or Python would choke on, and places that are none."""
    caller = Caller.of(push_app)
    await bind_some(caller)
    tokens, accounts = ["t00", "t01"], [("account 0 0", 0), ("account 0 1", 1)]
    for call, asked, keys_ in (
        (caller.accounts, tokens, ["-1\n0", "2\n0", "0\n65536", "0\n-1", "0\n1e3", "0", "0\n0\n0", f"{2**63}\n0"]),
        (caller.tokens, accounts, ["-1\n0", "2\n0", f"0\n{2**63}", "0\nx", "\n", f"0\n{'9' * 5000}"]),
        (caller.page, [], ["t\n65536", "t\nx", "t", "t\n1\n2", "t\x00\n1"]),
    ):
        token = (await call(*asked, page_size=1)).next_page_token
        fingerprint = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))[:12]
        for key in keys_:
            forged = base64.urlsafe_b64encode(fingerprint + key.encode()).decode().rstrip("=")
            await refused(call(*asked, page_token=forged), "FIELD_INVALID", "page_token")
        harmless = base64.urlsafe_b64encode(fingerprint + b"0\n0").decode().rstrip("=")
        await call(*asked, page_token=harmless)
