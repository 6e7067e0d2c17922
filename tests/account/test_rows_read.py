"""No hot statement scans, whatever the tables looked like when its plan was made.

What a function does EXPLAIN does not show. What the server counts does: rows read by scans and by index, in the
transaction that made the call, as in tests/binding/test_rows_read.py.
"""

import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.account.store import PARTITIONED
from services.runtime.clock import Clock
from services.runtime.db import Connection, Database
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.runtime.sql import load_queries

STORE = Path(__file__).parents[2] / "services" / "account" / "store"
LINKS, OPEN_ACCOUNTS = load_queries(STORE / "links.sql"), load_queries(STORE / "open_accounts.sql")
USER_DATA = load_queries(STORE / "user_data.sql")
CLOCK = Clock()
DOMAIN = "bj1"
FILLED = 5_000
MANY = 1_000_000

# Many of each, all of one domain: it does not select. A user has two links; a project all open accounts.
FILL = {
    "link": """
    insert into account.link (domain_id, type, identity_key, identity, user_id, created_at)
    select $1, 'custom', 'identity' || n, 'identity' || n, 'user' || n / 2, now()
    from generate_series(1, $2::int) n
    """,
    "link_event": """
    insert into account.link_event (domain_id, event_id, kind, type, identity_key, identity, extra, user_id, actor)
    select $1, uuidv7(), 'linked', 'custom', 'identity' || n, '', '', 'user' || n / 2, ''
    from generate_series(1, $2::int) n
    """,
    "gone_user": """
    insert into account.gone_user (domain_id, user_id, gone_at)
    select $1, 'gone' || n, now() from generate_series(1, $2::int) n
    """,
    "project": """
    insert into account.project (domain_id, project_id, name, created_at)
    select $1, 'project' || n, '', now() from generate_series(1, $2::int) n
    """,
    "open_account": """
    insert into account.open_account (domain_id, identity_id, project_id, idp, open_id, create_access_key, created_at)
    select $1, lpad(to_hex(n), 32, '0')::uuid, 'project1', 'IDP', 'open' || n, '', now()
    from generate_series(1, $2::int) n
    """,
}


def link(identity: str, user_id: str) -> tuple[Any, ...]:
    return (DOMAIN, "custom", identity, identity, "", user_id, CLOCK.now(), uuid7(CLOCK.now()), "test", "key")


Arguments = Callable[[], tuple[Any, ...]]
# Each with how many rows of the filled tables it reads at the most.
STATEMENTS: dict[str, tuple[str, Arguments, int]] = {
    "link": (LINKS["link_identity"], lambda: link(uuid.uuid4().hex, "user7"), 2),
    "link again": (LINKS["link_identity"], lambda: link("identity14", "user7"), 4),
    "link another's": (LINKS["link_identity"], lambda: link("identity14", "user8"), 4),
    "link for one who is gone": (LINKS["link_identity"], lambda: link("identity14", "gone7"), 2),
    "unlink": (
        LINKS["unlink_identity"],
        lambda: (
            DOMAIN,
            "custom",
            "identity14",
            "user7",
            CLOCK.now(),
            *(uuid7(CLOCK.now()) for _ in "ab"),
            "test",
            True,
        ),
        5,
    ),
    "look up an identity": (LINKS["select_link"], lambda: (DOMAIN, "custom", "identity14"), 1),
    "look up a user": (LINKS["select_links_of_user"], lambda: (DOMAIN, "user7"), 2),
    "what became of a user's": (
        USER_DATA["select_link_events_of_user"],
        lambda: (DOMAIN, "user7", uuid.UUID(int=0), 50),
        2,
    ),
    "describe": (OPEN_ACCOUNTS["select_open_account"], lambda: (DOMAIN, uuid.UUID(int=7)), 1),
    "change an open account": (
        OPEN_ACCOUNTS["update_open_account"],
        lambda: (DOMAIN, uuid.UUID(int=7), 1, "user7", "", "", "", "", 0, CLOCK.now()),
        2,
    ),
}
# By an index, or what an index gave.
READS = ("Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Bitmap Index Scan", "Subquery Scan")
LOOKUPS = ("look up an identity", "look up a user", "describe")

COUNTED = """
select coalesce(sum(coalesce(seq_scan, 0)), 0)::bigint as scans,
    coalesce(sum(coalesce(idx_tup_fetch, 0)), 0)::bigint as fetched
from pg_stat_xact_user_tables where schemaname = 'account'
"""


@pytest_asyncio.fixture
async def pair(database_url: Callable[[str], str]) -> AsyncIterator[tuple[Connection, asyncpg.Connection]]:
    """Two connections to an empty database: one that calls, as the service does, and one that fills."""
    dsn = database_url("account")
    await Partitions(dsn, CLOCK, PARTITIONED).attach()
    database = Database(dsn, service="test", pool_size=1, statement_timeout=timedelta(seconds=60), clock=CLOCK)
    await database.start()
    filler = await asyncpg.connect(dsn)
    # Nobody else looks at the tables meanwhile, and makes plans anew.
    for table in ("link", "gone_user", "project", "open_account"):
        await filler.execute(f"alter table account.{table} set (autovacuum_enabled = off)")
    async with database.connection() as caller:
        yield caller, filler
    await filler.close()
    await database.close()


async def fill(connection: asyncpg.Connection, rows: int) -> None:
    for statement in FILL.values():
        await connection.execute(statement, DOMAIN, rows)


async def analyse(connection: asyncpg.Connection) -> None:
    for table in FILL:
        await connection.execute(f"vacuum analyze account.{table}")


async def empty(connection: asyncpg.Connection) -> None:
    for table in reversed(FILL):
        await connection.execute(f"delete from account.{table}")


@pytest.mark.parametrize("planned_on", ["empty", "empty, analysed", "one row, analysed", "filled, analysed"])
@pytest.mark.parametrize("mode", ["auto", "force_generic_plan"])
async def test_reads_what_it_needs(pair: tuple[Connection, asyncpg.Connection], mode: str, planned_on: str) -> None:
    caller, filler = pair
    if planned_on == "one row, analysed":
        await fill(filler, 1)
    if planned_on == "filled, analysed":
        await fill(filler, FILLED)
    if "analysed" in planned_on:
        await analyse(filler)
    await caller.execute(f"set plan_cache_mode = {mode}")
    for statement, arguments, _ in STATEMENTS.values():
        async with undone(caller):
            for _ in range(10):  # after five, a plan is kept
                await caller.fetch(statement, *arguments())
    await empty(filler)
    await fill(filler, FILLED)

    read: dict[str, int] = {}
    for name, (statement, arguments, _) in STATEMENTS.items():
        async with undone(caller):
            before = await caller.fetchrow(COUNTED)
            await caller.fetch(statement, *arguments())
            after = await caller.fetchrow(COUNTED)
        assert after["scans"] == before["scans"], name
        read[name] = after["fetched"] - before["fetched"]
    assert {name: count for name, count in read.items() if count > STATEMENTS[name][2]} == {}


@asynccontextmanager
async def undone(connection: Connection) -> AsyncIterator[None]:
    """A transaction that leaves nothing."""
    transaction = connection.transaction()
    await transaction.start()
    yield
    await transaction.rollback()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
async def test_plans_among_a_million(pair: tuple[Connection, asyncpg.Connection], mode: str) -> None:
    caller, filler = pair
    await fill(filler, 1)
    for table in ("link", "open_account"):
        await filler.execute(f"delete from account.{table}")
        await filler.execute(FILL[table], DOMAIN, MANY)
    await analyse(filler)
    await caller.execute(f"set plan_cache_mode = {mode}")
    for name in LOOKUPS:
        statement, arguments, most = STATEMENTS[name]
        (plan,) = json.loads(await caller.fetchval(f"explain (analyze, format json) {statement}", *arguments()))
        scans = list(scans_of(plan["Plan"]))
        assert scans
        for scan in scans:
            assert scan["Node Type"] in READS, plan
            assert scan["Actual Rows"] <= most
            assert scan.get("Rows Removed by Filter", 0) == 0


def scans_of(node: dict[str, Any]) -> Any:
    if "Scan" in node["Node Type"]:
        yield node
    for child in node.get("Plans", ()):
        yield from scans_of(child)
