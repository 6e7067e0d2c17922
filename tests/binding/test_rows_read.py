"""No hot statement scans, whatever the table looked like when its plan was made.

The statements stand inside functions, where EXPLAIN does not look. What the server counts does: rows read by scans and
by index, in the transaction that made the call.
"""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import asyncpg
import pytest
import pytest_asyncio

APP = 1500001048
NOW = datetime(2025, 1, 1, tzinfo=UTC)
FILLED = 5_000

TOKENS = [f"token{n}" for n in range(20)]
TYPES = [0] * 20
ACCOUNTS = [f"account{n}" for n in range(20)]

STATEMENTS = {
    "overwrite": ("select binding.overwrite_accounts($1, 100, $2, $3, $4, $5)", (APP, NOW, TOKENS, TYPES, ACCOUNTS)),
    "add": ("select binding.add_accounts($1, 100, $2, $3, $4, $5)", (APP, NOW, TOKENS, TYPES, ACCOUNTS)),
    "unbind": ("select binding.unbind_accounts($1, $2, $3, $4)", (APP, TOKENS, TYPES, ACCOUNTS)),
    "clear tokens": ("select binding.clear_tokens($1, $2)", (APP, TOKENS)),
    "clear accounts": ("select binding.clear_accounts($1, $2, $3)", (APP, TYPES, ACCOUNTS)),
    "list tokens": ("select * from binding.list_tokens($1, $2, $3)", (APP, TYPES, ACCOUNTS)),
    "list accounts": ("select * from binding.list_accounts($1, $2)", (APP, TOKENS)),
}

COUNTED = """
select seq_scan, seq_tup_read, idx_tup_fetch from pg_stat_xact_user_tables
where schemaname = 'binding' and relname = 'binding'
"""


@pytest_asyncio.fixture
async def pair(database_url: Callable[[str], str]) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    """Two connections to an empty database: one that calls, one that fills."""
    dsn = database_url("binding")
    caller, filler = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
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


@pytest.mark.parametrize("planned_on", ["empty", "empty, analysed", "one row, analysed"])
@pytest.mark.parametrize("mode", ["auto", "force_generic_plan"])
@pytest.mark.parametrize("name", STATEMENTS)
async def test_reads_what_it_needs(
    pair: tuple[asyncpg.Connection, asyncpg.Connection], name: str, mode: str, planned_on: str
) -> None:
    caller, filler = pair
    statement, arguments = STATEMENTS[name]
    await filler.execute("alter table binding.binding set (autovacuum_enabled = off)")
    if planned_on == "one row, analysed":
        await fill(filler, 1)
    if "analysed" in planned_on:
        await filler.execute("vacuum analyze binding.binding")
    await caller.execute(f"set plan_cache_mode = {mode}")
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
