"""Races of the store's statements on a real Postgres, 40 connections at once."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime

import asyncpg
import pytest

from services.binding.model import Account, TokenAccounts
from services.binding.store import Store

APP = 1500001048
NOW = datetime(2025, 1, 1, tzinfo=UTC)
CALLERS = 40
ROUNDS = 8


def entry(token: str, *accounts: Account) -> TokenAccounts:
    return TokenAccounts(token, accounts)


async def tokens(store: Store, account: Account) -> tuple[str, ...]:
    (found,) = await store.list_tokens(APP, [account])
    return found


async def accounts(store: Store, token: str) -> tuple[Account, ...]:
    (found,) = await store.list_accounts(APP, [token])
    return found


async def test_overwrites_of_one_token_leave_the_accounts_of_exactly_one(store: Store) -> None:
    for _ in range(ROUNDS):
        wanted = [tuple(Account(kind, f"person{n}") for kind in (n % 3, 3, 4 + n)) for n in range(CALLERS)]
        await asyncio.gather(*(store.overwrite_accounts(APP, 100, NOW, [entry("phone", *mine)]) for mine in wanted))
        assert await accounts(store, "phone") in wanted
        for mine in wanted:
            for account in mine:
                assert await tokens(store, account) == (("phone",) if account in await accounts(store, "phone") else ())


async def test_tokens_racing_for_one_account_never_exceed_the_cap(store: Store) -> None:
    person, cap = Account(0, "someone"), 5
    seen: list[int] = []

    async def bind(number: int) -> None:
        await store.overwrite_accounts(APP, cap, NOW, [entry(f"phone{number}", person)])
        seen.append(len(await tokens(store, person)))

    for _ in range(ROUNDS):
        await asyncio.gather(*(bind(number) for number in range(CALLERS)))
        assert len(await tokens(store, person)) == cap
    assert max(seen) <= cap


async def test_the_most_recent_acknowledged_binding_survives_the_cap(store: Store) -> None:
    person, cap = Account(0, "someone"), 5
    for number in range(ROUNDS):
        await asyncio.gather(
            *(store.overwrite_accounts(APP, cap, NOW, [entry(f"phone{n}", person)]) for n in range(CALLERS))
        )
        await store.overwrite_accounts(APP, cap, NOW, [entry(f"last{number}", person)])
        found = await tokens(store, person)
        assert found[0] == f"last{number}"
        assert len(found) == cap


async def test_an_account_that_is_cleared_while_tokens_bind_to_it(store: Store) -> None:
    person = Account(0, "someone")
    for _ in range(ROUNDS):
        await asyncio.gather(
            *(
                store.clear_accounts(APP, [person])
                if n % 4 == 0
                else store.overwrite_accounts(APP, 5, NOW, [entry(f"phone{n}", person)])
                for n in range(CALLERS)
            )
        )
        assert len(await tokens(store, person)) <= 5
        await store.clear_accounts(APP, [person])
        assert await tokens(store, person) == ()


async def test_batches_in_opposing_orders_meet_no_deadlock(store: Store) -> None:
    chance = random.Random(7)
    phones = [f"phone{n}" for n in range(12)]
    people = [Account(kind, f"person{n}") for n in range(6) for kind in (0, 1)]
    cap = 3

    def some_entries() -> list[TokenAccounts]:
        chosen = chance.sample(phones, chance.randint(1, 10))
        return [entry(phone, *{a.account_type: a for a in chance.sample(people, 3)}.values()) for phone in chosen]

    async def call() -> None:
        match chance.randrange(6):
            case 0 | 1:
                await store.overwrite_accounts(APP, cap, NOW, some_entries())
            case 2:
                await store.add_accounts(APP, cap, NOW, some_entries())
            case 3:
                await store.unbind_accounts(APP, some_entries())
            case 4:
                await store.clear_tokens(APP, chance.sample(phones, 6))
            case 5:
                await store.clear_accounts(APP, chance.sample(people, 6))

    async def caller() -> None:
        for _ in range(25):
            await call()

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    held = dict(zip(people, await store.list_tokens(APP, people), strict=True))
    assert all(len(found) <= cap for found in held.values())
    by_token = {(phone, account) for phone in phones for account in await accounts(store, phone)}
    assert by_token == {(phone, account) for account, found in held.items() for phone in found}
    assert max(Counter((phone, account.account_type) for phone, account in by_token).values(), default=1) == 1


async def test_tokens_with_very_many_accounts_are_changed_in_parts(store: Store) -> None:
    """Locking all that they hold at once would use up the memory that all callers' locks share."""
    phones = [f"phone{n}" for n in range(20)]
    for phone in phones:
        many = (Account(kind, f"{phone}-{kind}") for kind in range(90))
        await store.overwrite_accounts(APP, 100, NOW, [entry(phone, *many)])
    with pytest.raises(asyncpg.ProgramLimitExceededError):
        await store._database.execute("select binding.clear_tokens($1, $2)", APP, phones)
    assert len(await accounts(store, "phone7")) == 90

    await store.overwrite_accounts(APP, 100, NOW, [entry(phone, Account(0, phone)) for phone in phones[:10]])
    assert await store.list_accounts(APP, phones[:10]) == [(Account(0, phone),) for phone in phones[:10]]
    await store.clear_tokens(APP, phones)
    assert await store.list_accounts(APP, phones) == [()] * 20


async def test_a_token_with_very_many_accounts(store: Store) -> None:
    for start in range(0, 1000, 100):
        more = (Account(kind, f"person{kind}") for kind in range(start, start + 100))
        await store.add_accounts(APP, 100, NOW, [entry("phone", *more)])
    assert len(await accounts(store, "phone")) == 1000
    await store.overwrite_accounts(APP, 100, NOW, [entry("phone", Account(0, "someone"))])
    assert await accounts(store, "phone") == (Account(0, "someone"),)
