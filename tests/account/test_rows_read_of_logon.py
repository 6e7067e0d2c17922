"""What logon asks of its tables reads what it is about, however much else there is, whenever its plan was made."""

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.account.model.logon import STRANGER
from services.account.store import PARTITIONED
from services.account.store.logon import GUESSED
from services.runtime.clock import Clock
from services.runtime.ids import lowest_uuid7, uuid7
from services.runtime.partitions import Partitions
from services.runtime.sql import load_queries

LOGON = load_queries(Path(__file__).parents[2] / "services" / "account" / "store" / "logon.sql")
CLOCK = Clock()
OTHERS = 20_000
# A user has four browsers and has let two apps in; of codes the domain has few, and its neighbour many.
FILL = (
    f"""
    insert into account.logon_session (
        domain_id, session_id, secret_hash, user_id, method, browser, proven_at, expires_at
    )
    select 'bj1', uuidv7(), '', 'user' || n / 4, 'mobile', '', now(), now() + interval '12 h'
    from generate_series(0, {OTHERS - 1}) n
    """,
    f"""
    insert into account.consent (domain_id, user_id, client_id, scopes, given_at)
    select 'bj1', 'user' || n / 2, 'app' || n % 2, '{{}}', now() from generate_series(0, {OTHERS - 1}) n
    """,
    f"""
    insert into account.logon_code (domain_id, code_id, type, identity_key, address, mac, expires_at)
    select case when n < 10 then 'bj1' else 'sz1' end, uuidv7(), 'mobile', 'i' || n, 'a' || n % 5, '', now()
    from generate_series(0, {OTHERS - 1}) n
    """,
    f"""
    insert into account.password_try (domain_id, try_id, user_system_id, name_key, address)
    select 'bj1', uuidv7(), 's', 'n' || n / 2, 'a' || n / 4 from generate_series(0, {OTHERS - 1}) n
    """,
    f"""
    insert into account.guess (domain_id, way, name, period, browser_id, wrong)
    select 'bj1', 's', 'n' || n / 2, '{GUESSED.start(CLOCK.now())}', uuidv7(), 1 from generate_series(0, {OTHERS - 1}) n
    """,
)


def code(key: str = "", domain: str = "bj1", limit: int = 1_000) -> tuple[Any, ...]:
    now = CLOCK.now()
    since, recent = lowest_uuid7(now - timedelta(hours=1)), lowest_uuid7(now - timedelta(seconds=60))
    sent = (domain, uuid7(now), "mobile", key or uuid.uuid4().hex, "a1", b"m", now, since, recent, 5, 30, limit)
    return (*sent, uuid7(now), *guesses())


def password(name: str) -> tuple[Any, ...]:
    now = CLOCK.now()
    tried = ("bj1", uuid7(now), "s", name, uuid.uuid4().hex, lowest_uuid7(now - timedelta(hours=1)), 10, 100)
    return (*tried, STRANGER, *guesses())


def guesses() -> tuple[Any, ...]:
    return (4, GUESSED.start(CLOCK.now()), 100)


def session(user: str = "user7") -> tuple[Any, ...]:
    now = CLOCK.now()
    return ("bj1", uuid7(now), b"h", user, "mobile", "", now, now, "mobile")


# Statement, arguments, and how many rows of tables it may read.
STATEMENTS: dict[str, tuple[str, Callable[[], tuple[Any, ...]], int]] = {
    "a code": (LOGON["begin_logon_code"], code, 20),
    "a code too early": (LOGON["begin_logon_code"], lambda: code("i7"), 2),
    "a code that is none": (
        LOGON["try_logon_code"],
        lambda: ("bj1", uuid7(CLOCK.now()), "mobile", "i7", b"m", CLOCK.now(), 5, *guesses(), CLOCK.now()),
        0,
    ),
    "a password": (LOGON["begin_password_try"], lambda: password(uuid.uuid4().hex), 0),
    "a password of somebody": (LOGON["begin_password_try"], lambda: password("n7"), 8),
    "a right one": (LOGON["forget_password_try"], lambda: ("bj1", uuid7(CLOCK.now()), guesses()[1]), 0),
    "a browser is logged on": (LOGON["insert_logon_session"], session, 0),
    "who is logged on": (LOGON["select_logon_session"], lambda: ("bj1", uuid7(CLOCK.now()), CLOCK.now()), 0),
    "a user's browsers": (LOGON["select_logon_sessions"], lambda: ("bj1", "user8", CLOCK.now()), 8),
    "one is logged off": (LOGON["end_logon_session"], lambda: ("bj1", "user9", uuid7(CLOCK.now()), CLOCK.now()), 8),
    "those by a method are": (
        LOGON["end_logon_sessions"],
        lambda: ("bj1", "user10", CLOCK.now(), "mobile", None),
        8,
    ),
    "those that were logged off": (LOGON["select_ended_logon_sessions"], lambda: ("bj1", "user10"), 12),
    "those of who is gone are": (LOGON["delete_logon_sessions"], lambda: (["bj1"], ["user11"]), 8),
    "what was let": (LOGON["select_consent"], lambda: ("bj1", "user12", "app1"), 1),
    "all that was let": (LOGON["select_consents"], lambda: ("bj1", "user12"), 4),
    "something is let": (LOGON["upsert_consent"], lambda: ("bj1", "new13", "app1", ["openid"], CLOCK.now()), 2),
    "what was let goes": (LOGON["delete_consents"], lambda: (["bj1"], ["user14"]), 4),
}


@pytest_asyncio.fixture(params=["a plan of before", "a plan of now"])
async def connection(
    request: pytest.FixtureRequest, database_url: Callable[[str], str]
) -> AsyncIterator[asyncpg.Connection]:
    dsn = database_url("account")
    await Partitions(dsn, CLOCK, PARTITIONED).attach()
    connection = await asyncpg.connect(dsn, server_settings={"plan_cache_mode": "force_generic_plan"})
    if request.param == "a plan of before":
        for statement, arguments, _ in STATEMENTS.values():
            await connection.fetch(statement, *arguments())
    for fill in FILL:
        await connection.execute(fill)
    if request.param == "a plan of now":
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
