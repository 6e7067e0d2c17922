"""Races of changes on a real Postgres, by three processes' worth of batches over 40 connections."""

import asyncio
import random
from collections import Counter

import asyncpg
import pytest

from services.binding.model import Account, Kind, Part, Row, TokenAccounts
from services.runtime.clock import Clock
from services.runtime.ids import uuid7
from tests.binding.changing import APP, Replica, entry
from tests.binding.conftest import Replicas

CALLERS = 40
ROUNDS = 8
PERSON = Account(0, "someone")


async def test_overwrites_of_one_token_leave_the_accounts_of_exactly_one(replicas: Replicas) -> None:
    processes = replicas(3)
    for _ in range(ROUNDS):
        wanted = [tuple(Account(kind, f"person{n}") for kind in (n % 3, 3, 4 + n)) for n in range(CALLERS)]
        await asyncio.gather(*(processes[n % 3].overwrite(entry("phone", *mine)) for n, mine in enumerate(wanted)))
        held = await processes[0].accounts("phone")
        assert held in wanted
        for mine in wanted:
            for account in mine:
                assert await processes[0].tokens(account) == (("phone",) if account in held else ())


async def test_tokens_racing_for_one_account_never_exceed_the_cap(replicas: Replicas) -> None:
    processes = replicas(3, cap=5)
    seen: list[int] = []

    async def bind(number: int) -> None:
        await processes[number % 3].overwrite(entry(f"phone{number}", PERSON))
        seen.append(len(await processes[0].tokens(PERSON)))

    for _ in range(ROUNDS):
        await asyncio.gather(*(bind(number) for number in range(CALLERS)))
        assert len(await processes[0].tokens(PERSON)) == 5
    assert max(seen) <= 5


async def test_the_most_recent_acknowledged_binding_survives_the_cap(replicas: Replicas) -> None:
    processes = replicas(3, cap=5)
    for number in range(ROUNDS):
        await asyncio.gather(*(processes[n % 3].overwrite(entry(f"phone{n}", PERSON)) for n in range(CALLERS)))
        await processes[1].overwrite(entry(f"last{number}", PERSON))
        found = await processes[0].tokens(PERSON)
        assert found[0] == f"last{number}"
        assert len(found) == 5


async def test_an_account_that_is_cleared_while_tokens_bind_to_it(replicas: Replicas) -> None:
    processes = replicas(3, cap=5)
    for _ in range(ROUNDS):
        await asyncio.gather(
            *(
                processes[n % 3].clear_accounts([PERSON])
                if n % 4 == 0
                else processes[n % 3].overwrite(entry(f"phone{n}", PERSON))
                for n in range(CALLERS)
            )
        )
        assert len(await processes[0].tokens(PERSON)) <= 5
        await processes[0].clear_accounts([PERSON])
        assert await processes[0].tokens(PERSON) == ()


async def test_batches_in_opposing_orders_meet_no_deadlock(replicas: Replicas) -> None:
    chance = random.Random(7)
    phones = [f"phone{n}" for n in range(12)]
    people = [Account(kind, f"person{n}") for n in range(6) for kind in (0, 1)]
    processes = replicas(3, cap=3)

    def some_entries() -> list[TokenAccounts]:
        chosen = chance.sample(phones, chance.randint(1, 10))
        return [entry(phone, *{a.account_type: a for a in chance.sample(people, 3)}.values()) for phone in chosen]

    async def call(process: Replica) -> None:
        match chance.randrange(6):
            case 0 | 1:
                await process.overwrite(*some_entries())
            case 2:
                await process.add(*some_entries())
            case 3:
                await process.unbind(*some_entries())
            case 4:
                await process.clear_tokens(chance.sample(phones, 6))
            case 5:
                await process.clear_accounts(chance.sample(people, 6))

    async def caller() -> None:
        for _ in range(25):
            await call(chance.choice(processes))

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    held = {person: await processes[0].tokens(person) for person in people}
    assert all(len(found) <= 3 for found in held.values())
    by_token = {(phone, account) for phone in phones for account in await processes[0].accounts(phone)}
    assert by_token == {(phone, account) for account, found in held.items() for phone in found}
    assert max(Counter((phone, account.account_type) for phone, account in by_token).values(), default=1) == 1


async def test_tokens_with_very_many_accounts_are_changed_in_parts(replicas: Replicas) -> None:
    """Locking all that they hold at once would use up the memory that all callers' locks share."""
    (process,) = replicas()
    phones = [f"phone{n}" for n in range(20)]
    for phone in phones:
        await process.overwrite(entry(phone, *(Account(kind, f"{phone}-{kind}") for kind in range(90))))
    now = Clock().now()
    rows = [Row(phone, None) for phone in phones]
    for unbound in (rows, [Row(None, PERSON), *rows]):
        part = Part(APP, 100, uuid7(now), Kind.UNBIND, [(row,) for row in unbound])
        with pytest.raises(asyncpg.ProgramLimitExceededError):
            await process.store.apply([part], now, wait=True)
    assert len(await process.accounts("phone7")) == 90

    await process.overwrite(*(entry(phone, Account(0, phone)) for phone in phones[:10]))
    assert [await process.accounts(phone) for phone in phones[:10]] == [(Account(0, phone),) for phone in phones[:10]]
    await process.clear_tokens(phones)
    assert [await process.accounts(phone) for phone in phones] == [()] * 20


async def test_accounts_with_very_many_tokens_are_cleared_in_one_statement(replicas: Replicas) -> None:
    """Forty thousand at once: what each of them costs does not grow with the others."""
    (process,) = replicas(cap=400)
    people = [Account(0, f"person{n}") for n in range(100)]
    await process.store._database.execute(
        """
        insert into binding.binding (access_id, token, account_type, account, op, bound_at)
        select $1, 'phone' || n || '-' || m, 0, 'person' || n, nextval('binding.op'), now()
        from generate_series(0, 99) as n, generate_series(1, 400) as m
        """,
        APP,
    )
    await process.clear_accounts(people)
    assert [await process.tokens(person) for person in people] == [()] * 100


async def test_a_place_that_was_found_is_nobody_elses_when_its_lock_is_there(
    replicas: Replicas,
) -> None:
    """What a token holds is found first, then locked, and removed by its place in the table."""
    (process,) = replicas()
    holder = await asyncpg.connect(str(process.store._database._dsn))
    await process.overwrite(entry("phone", PERSON))
    await holder.execute("select pg_advisory_lock(hashtextextended($1 || '/a/0/' || $2, 1))", str(APP), PERSON.account)
    waiting = asyncio.create_task(process.overwrite(entry("phone", Account(1, "other"))))
    async with asyncio.timeout(10):
        while not await holder.fetchval("select count(*) from pg_locks where locktype = 'advisory' and not granted"):
            await asyncio.sleep(0.01)
    await holder.execute("delete from binding.binding")
    await holder.execute("vacuum (index_cleanup on) binding.binding")
    await holder.execute(
        "insert into binding.binding values ($1, 'pad', 0, 'nobody', nextval('binding.op'), now())", APP
    )
    await holder.execute("select pg_advisory_unlock_all()")
    await waiting
    await holder.close()
    assert await process.accounts("pad") == (Account(0, "nobody"),)
    assert await process.accounts("phone") == (Account(1, "other"),)


async def test_a_token_has_at_most_100_accounts_the_latest(replicas: Replicas) -> None:
    (process,) = replicas()
    for start in range(0, 300, 60):
        await process.add(entry("phone", *(Account(kind, f"person{kind}") for kind in range(start, start + 60))))
    assert [account.account_type for account in await process.accounts("phone")] == list(range(200, 300))
    await process.overwrite(entry("phone", PERSON))
    assert await process.accounts("phone") == (PERSON,)
