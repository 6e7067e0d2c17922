"""What is asked of many links reads those, however many others there are, whenever its plan was made."""

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.account.store import PARTITIONED
from services.runtime.clock import Clock
from services.runtime.partitions import Partitions
from services.runtime.sql import load_queries

FOLDER = Path(__file__).parents[2] / "services" / "account" / "store"
LISTS, USERS = load_queries(FOLDER / "link_lists.sql"), load_queries(FOLDER / "followed_users.sql")
NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
OTHERS = 20_000
FILL = f"""
insert into account.link (domain_id, type, identity_key, identity, user_id, created_at)
select 'bj1', (array['custom', 'email'])[1 + n % 2], 'i' || n, 'i' || n, 'user' || n / 4,
    timestamptz '2026-01-01' + n * interval '1 s'
from generate_series(0, {OTHERS - 1}) n
"""
# Statement, arguments, and how many rows of tables it may read.
STATEMENTS: dict[str, tuple[str, Callable[[], tuple[Any, ...]], int]] = {
    "100 identities": (
        LISTS["select_links_of"],
        lambda: ("bj1", ["custom"] * 100, [f"i{2 * number}" for number in range(100)]),
        100,
    ),
    "100 that are not linked": (
        LISTS["select_links_of"],
        lambda: ("bj1", ["custom"] * 100, [uuid.uuid4().hex for _ in range(100)]),
        0,
    ),
    "a page of all": (LISTS["select_links_page"], lambda: ("bj1", "custom", "i5", 50), 50),
    "a page of a type": (LISTS["select_links_of_type_page"], lambda: ("bj1", "email", "i5", 50), 50),
    "a user's": (LISTS["select_links_of_user_page"], lambda: ("bj1", "user7", "", NOW.replace(year=1), "", "", 50), 4),
    "users whom rows name": (USERS["select_known_users"], lambda: ("bj1", "user7", 50), 250),
    "two users' end": (USERS["forget_users"], lambda: (["bj1", "bj1"], ["user70", "user71"], NOW), 40),
}


@pytest_asyncio.fixture(params=["a plan of before", "a plan of now"])
async def connection(
    request: pytest.FixtureRequest, database_url: Callable[[str], str]
) -> AsyncIterator[asyncpg.Connection]:
    dsn = database_url("account")
    await Partitions(dsn, Clock(), PARTITIONED).attach()
    connection = await asyncpg.connect(dsn, server_settings={"plan_cache_mode": "force_generic_plan"})
    if request.param == "a plan of before":
        # While there are no rows, every plan is as good as any other.
        for statement, arguments, _ in STATEMENTS.values():
            await connection.fetch(statement, *arguments())
        await connection.execute(FILL)
    else:
        await connection.execute(FILL)
        await connection.execute("analyze")
    yield connection
    await connection.close()


async def test_what_is_read(connection: asyncpg.Connection) -> None:
    found = {}
    for name, (statement, arguments, _) in STATEMENTS.items():
        before = await read(connection)
        await connection.fetch(statement, *arguments())
        found[name] = await read(connection) - before
    assert {name: count for name, count in found.items() if count > STATEMENTS[name][2]} == {}


async def read(connection: asyncpg.Connection) -> int:
    """Rows of tables that this connection has read, by scans and through indexes."""
    await connection.execute("select pg_stat_force_next_flush()")
    return int(
        await connection.fetchval(
            "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))"
            " from pg_stat_user_tables where schemaname = 'account'"
        )
    )
