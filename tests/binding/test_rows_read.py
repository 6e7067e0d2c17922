"""No hot statement scans, whatever the table looked like when its plan was made.

The statements stand inside functions, where EXPLAIN does not look. What the server counts does: rows read by scans and
by index, in the transaction that made the call.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from services.binding import store
from services.binding.store import PARTITIONED
from services.binding.store.lookups import NEWEST
from services.runtime.clock import Clock
from services.runtime.partitions import Partitions
from services.runtime.sql import load_queries
from tests.binding.changing import APP
from tests.support.databases import Databases

NOW = datetime(2025, 1, 1, tzinfo=UTC)
LOOKUPS = load_queries(Path(store.__file__).with_name("lookups.sql"))
FILLED = 2_000

TOKENS = [f"token{n}" for n in range(20)]
TYPES = [0] * 20
ACCOUNTS = [f"account{n}" for n in range(20)]

APPLY = (
    "select binding.apply(true, $1, array[$2::bigint], array[uuidv7()], array[$3], array[100], "
    "array_fill(1, array[20]), $4, $5, $6)"
)
# As many calls that share one transaction.
APPLY_TOGETHER = (
    "select binding.apply(false, $1, array_fill($2::bigint, array[20]), "
    "array(select uuidv7() from generate_series(1, 20)), array_fill($3::text, array[20]), "
    "array_fill(100, array[20]), array(select generate_series(1, 20)), $4, $5, $6)"
)
NONE = [None] * 20

STATEMENTS = {
    "replace": (APPLY, (NOW, APP, "replace", TOKENS, TYPES, ACCOUNTS)),
    "replace together": (APPLY_TOGETHER, (NOW, APP, "replace", TOKENS, TYPES, ACCOUNTS)),
    "add": (APPLY, (NOW, APP, "add", TOKENS, TYPES, ACCOUNTS)),
    "unbind": (APPLY, (NOW, APP, "unbind", TOKENS, TYPES, ACCOUNTS)),
    "clear tokens": (APPLY, (NOW, APP, "unbind", TOKENS, NONE, NONE)),
    "clear accounts": (APPLY, (NOW, APP, "unbind", NONE, TYPES, ACCOUNTS)),
    "select tokens": (LOOKUPS["select_tokens"], (APP, TYPES, ACCOUNTS, NEWEST, 1_000)),
    "select accounts": (LOOKUPS["select_accounts"], (APP, TOKENS, -1, 1_000)),
    "select bindings": (LOOKUPS["select_bindings"], (APP, "token1", 0, 20)),
}

COUNTED = """
select seq_scan, seq_tup_read, idx_tup_fetch from pg_stat_xact_user_tables
where schemaname = 'binding' and relname = 'binding'
"""


@pytest.fixture(scope="module", params=["empty", "empty, analysed", "one row, analysed"])
def planned_on(request: pytest.FixtureRequest) -> str:
    """What the table looked like when plans were made. Nothing else was ever analysed in the database."""
    return str(request.param)


@pytest_asyncio.fixture(scope="module")
async def dsn(databases: Databases, planned_on: str) -> str:
    dsn = databases.fresh("binding")
    await Partitions(dsn, Clock(), PARTITIONED).attach()
    return dsn


@pytest_asyncio.fixture
async def pair(dsn: str) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    """Two connections to an empty table: one that calls, one that fills."""
    caller, filler = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    await filler.execute("truncate binding.binding; alter table binding.binding set (autovacuum_enabled = off)")
    yield caller, filler
    await caller.close()
    await filler.close()


async def fill(connection: asyncpg.Connection, rows: int) -> None:
    """One push app with all the rows: the tenant does not select."""
    await connection.execute(
        """
        insert into binding.binding
        select $1, 'token' || n, 0, 'account' || n, nextval('binding.op'), now() from generate_series(0, $2 - 1) as n
        """,
        APP,
        rows,
    )


@pytest.mark.parametrize("mode", ["auto", "force_generic_plan"])
@pytest.mark.parametrize("name", STATEMENTS)
async def test_reads_what_it_needs(
    pair: tuple[asyncpg.Connection, asyncpg.Connection], name: str, mode: str, planned_on: str
) -> None:
    caller, filler = pair
    statement, arguments = STATEMENTS[name]
    if planned_on == "one row, analysed":
        await fill(filler, 1)
    if "analysed" in planned_on:
        await filler.execute("vacuum analyze binding.binding")
    # As the service's pool does.
    await caller.execute(f"set enable_seqscan = off; set plan_cache_mode = {mode}")
    for _ in range(10):  # after five, a plan is kept
        await caller.fetch(statement, *arguments)
    await filler.execute("delete from binding.binding")
    await fill(filler, FILLED)

    transaction = caller.transaction()
    await transaction.start()
    before = await caller.fetchrow(COUNTED)
    await caller.fetch(statement, *arguments)
    after = await caller.fetchrow(COUNTED)
    await transaction.rollback()

    assert after["seq_scan"] == before["seq_scan"]
    # 20 tokens with an account each: found a few times over, and never the whole tenant.
    assert 20 <= after["idx_tup_fetch"] - before["idx_tup_fetch"] <= 400


@pytest.mark.parametrize("planned_on", ["empty", "full"], scope="module")
async def test_a_page_reads_no_further_than_it_shows(
    pair: tuple[asyncpg.Connection, asyncpg.Connection], planned_on: str
) -> None:
    """Of a thousand accounts, or tokens, with more bindings than a page has."""
    caller, filler = pair
    asked = range(1000)
    lookups = (
        ("select_tokens", (APP, [0] * 1000, [f"account{n}" for n in asked], NEWEST, 51)),
        ("select_accounts", (APP, [f"token{n}" for n in asked], -1, 51)),
    )
    await caller.execute("set enable_seqscan = off; set plan_cache_mode = force_generic_plan")
    if planned_on == "empty":
        for name, arguments in lookups:
            await caller.fetch(LOOKUPS[name], *arguments)
    await filler.execute(
        """
        insert into binding.binding
        select
            $1, 'token' || n, k, 'account' || case k when 0 then n else n * 1000 + k end, nextval('binding.op'), now()
        from generate_series(0, 999) as n, generate_series(0, 4) as k
        """,
        APP,
    )
    for name, arguments in lookups:
        async with caller.transaction():
            before = await caller.fetchrow(COUNTED)
            assert len(await caller.fetch(LOOKUPS[name], *arguments)) == 51
            after = await caller.fetchrow(COUNTED)
        assert 51 <= after["idx_tup_fetch"] - before["idx_tup_fetch"] <= 200, name
