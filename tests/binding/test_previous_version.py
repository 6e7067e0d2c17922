"""What the release before calls, on a schema that was migrated under it, before any process of this version ran."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest_asyncio

from services.binding.model import Account
from services.binding.store import PARTITIONED
from services.runtime.clock import Clock
from services.runtime.ids import uuid7_time
from services.runtime.partitions import Partitions
from tests.binding.changing import APP, entry
from tests.binding.conftest import Replicas

NOW = datetime(2026, 11, 1, tzinfo=UTC)
OVERWRITE = "select binding.overwrite_accounts($1, $2, $3, $4, $5, $6)"
ADD = "select binding.add_accounts($1, $2, $3, $4, $5, $6)"
UNBIND = "select binding.unbind_accounts($1, $2, $3, $4)"
CLEAR_TOKENS = "select binding.clear_tokens($1, $2)"
CLEAR_ACCOUNTS = "select binding.clear_accounts($1, $2, $3)"


@pytest_asyncio.fixture
async def dsn(database_url: Callable[[str], str]) -> str:
    return database_url("binding")


@pytest_asyncio.fixture
async def database(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()


async def test_its_calls_change_what_they_did_and_are_told(
    database: "asyncpg.Connection[asyncpg.Record]", dsn: str
) -> None:
    before = datetime.now(UTC)
    await database.execute(OVERWRITE, APP, 2, NOW, ["phone", "phone", "pad"], [0, 1, 0], ["ann", "bob", "ann"])
    await database.execute(ADD, APP, 2, NOW, ["tv", "phone"], [0, 1], ["ann", "carl"])
    await database.execute(UNBIND, APP, ["pad", "pad"], [0, 0], ["ann", "nobody"])
    await database.execute(CLEAR_TOKENS, APP, ["tv", "unknown"])
    await database.execute(CLEAR_ACCOUNTS, APP, [1, 0], ["carl", "unknown"])
    assert await database.fetchval("select count(*) from binding.binding") == 0
    told = await database.fetch("select * from binding.change order by seq")
    changes = [(row["kind"], row["token"], row["account"]) for row in told]
    # What one call binds is told in any order.
    assert sorted(changes[:3]) == [("bound", "pad", "ann"), ("bound", "phone", "ann"), ("bound", "phone", "bob")]
    assert changes[3:] == [
        ("unbound", "phone", "bob"),
        ("bound", "tv", "ann"),
        ("bound", "phone", "carl"),
        ("evicted", "phone", "ann"),
        ("unbound", "pad", "ann"),
        ("unbound", "tv", "ann"),
        ("unbound", "phone", "carl"),
    ]
    assert len({row["operation_id"] for row in told}) == 5
    for row in told:
        assert row["operation_id"].version == 7
        assert (
            before - timedelta(seconds=1) < uuid7_time(row["operation_id"]) < datetime.now(UTC) + timedelta(seconds=1)
        )


async def test_this_version_keeps_the_partitions_that_were_made_for_it(
    database: "asyncpg.Connection[asyncpg.Record]", dsn: str
) -> None:
    await database.execute(OVERWRITE, APP, 2, NOW, ["phone"], [0], ["ann"])
    clock = Clock()
    for day in range(12):
        await Partitions(dsn, clock, PARTITIONED).attach()
        await Partitions(dsn, clock, PARTITIONED).drop()
        kept = await database.fetchval("select count(*) from binding.change")
        assert kept == (1 if day <= 9 else 0)
        clock.shift(timedelta(days=1))


async def test_both_versions_at_once(replicas: Replicas) -> None:
    """Whichever is called, the feed tells what the table has become, and no account goes over its cap."""
    (replica,) = replicas(cap=3)
    database = replica.store._database
    phones, people = [f"phone{n}" for n in range(8)], [f"person{n}" for n in range(3)]

    async def call(chance: random.Random) -> None:
        token, account, kind = chance.choice(phones), chance.choice(people), chance.randrange(2)
        match chance.randrange(9):
            case 0:
                await database.execute(OVERWRITE, APP, 3, NOW, [token], [kind], [account])
            case 1:
                await database.execute(ADD, APP, 3, NOW, [token], [kind], [account])
            case 2:
                await database.execute(UNBIND, APP, [token], [kind], [account])
            case 3:
                await database.execute(CLEAR_TOKENS, APP, chance.sample(phones, 2))
            case 4:
                await database.execute(CLEAR_ACCOUNTS, APP, [kind], [account])
            case 5 | 6:
                await replica.overwrite(entry(token, Account(kind, account)))
            case 7:
                await replica.add(*(entry(each, Account(kind, account)) for each in chance.sample(phones, 4)))
            case _:
                await replica.clear_accounts([Account(kind, account)])

    async def caller(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(20):
            await call(chance)

    await asyncio.gather(*(caller(seed) for seed in range(24)))
    bound: dict[tuple[str, int], str] = {}
    for change in await database.fetch("select kind, token, account_type, account from binding.change order by seq"):
        key = change["token"], change["account_type"]
        if change["kind"] == "bound":
            assert key not in bound
            bound[key] = change["account"]
        else:
            assert bound.pop(key) == change["account"]
    rows = await database.fetch("select token, account_type, account from binding.binding")
    assert bound == {(row["token"], row["account_type"]): row["account"] for row in rows}
    assert max(Counter((kind, account) for (_, kind), account in bound.items()).values(), default=0) <= 3
