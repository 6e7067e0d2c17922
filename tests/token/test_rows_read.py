"""What is done with one user, session or token reads what is its own, however many others there are, whenever its plan
was made.

The server's own count of rows read, as in tests/binding/test_rows_read.py.
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

from services.runtime.clock import Clock
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.runtime.sql import load_queries
from services.token.store import PARTITIONED

FOLDER = Path(__file__).parents[2] / "services" / "token" / "store"
USERS, SESSIONS = load_queries(FOLDER / "users.sql"), load_queries(FOLDER / "open_sessions.sql")
GRANTS, PRESENTED = load_queries(FOLDER / "sessions.sql"), load_queries(FOLDER / "presented.sql")
DEVICES, USER_DATA = load_queries(FOLDER / "devices.sql"), load_queries(FOLDER / "user_data.sql")
CLOCK = Clock()
NEWEST = uuid.UUID(int=2**128 - 1)
OTHERS = 5_000
ROLES = ["user", "admin"]
# Of each user, made a millisecond apart: its session, its code, its row in the log.
IDS = [uuid7(CLOCK.now() + timedelta(milliseconds=number)) for number in range(OTHERS)]
ID_OF_7 = IDS[6]


def begun() -> tuple[Any, ...]:
    """Id, secret's hash, times and event of a session about to start."""
    now = CLOCK.now()
    later = now + timedelta(days=1)
    return (uuid7(now), b"", now, later, later, uuid7(now))


STATEMENTS: dict[str, tuple[str, Callable[[], tuple[Any, ...]]]] = {
    "update": (
        USERS["update_user"],
        lambda: (
            *("bj1", "user7", None, ROLES, uuid.uuid4().hex, None, None, None, "disabled", None, None, json.dumps({})),
            *("operator", CLOCK.now(), uuid7(CLOCK.now())),
        ),
    ),
    "delete": (
        USERS["delete_user"],
        lambda: ("bj1", "user7", None, ROLES, "erased", "operator", CLOCK.now(), uuid7(CLOCK.now())),
    ),
    "list users": (USERS["select_profiles"], lambda: ("bj1", "user7", 20)),
    "list a user's sessions": (
        SESSIONS["select_sessions_of_user"],
        lambda: ("bj1", "user7", None, NEWEST, CLOCK.now(), 20),
    ),
    "list an app's sessions": (
        SESSIONS["select_sessions_of_app"],
        lambda: ("bj1", "app", NEWEST, CLOCK.now(), 20, 100),
    ),
    "revoke a user's sessions": (
        SESSIONS["revoke_user_sessions"],
        lambda: ("bj1", "user7", ROLES, "operator", CLOCK.now(), uuid7(CLOCK.now())),
    ),
    "start a session": (
        GRANTS["start_session"],
        lambda: ("bj1", "app", "user7", [], *begun(), "issue_token", None, None, True, "mobile", ""),
    ),
    "start a session by an assertion": (
        GRANTS["start_session_by_assertion"],
        lambda: (
            *("bj1", "app", "user7", [], *begun()),
            *(uuid.uuid4().bytes, CLOCK.now() + timedelta(minutes=1), False, True),
        ),
    ),
    "redeem a code": (
        GRANTS["redeem_code"],
        lambda: ("bj1", "app", *begun(), ID_OF_7, b"", "", None),
    ),
    "begin on a device": (
        DEVICES["create_device_authorization"],
        lambda: (
            # A user code that is taken.
            *("bj1", uuid7(CLOCK.now()), b"", ID_OF_7.bytes, "app", [], "", "", CLOCK.now()),
            *(CLOCK.now() + timedelta(minutes=10), uuid7(CLOCK.now())),
        ),
    ),
    "find a device": (
        DEVICES["find_device_authorization"],
        lambda: ("bj1", ID_OF_7.bytes, 60, CLOCK.now()),
    ),
    "decide for a device": (
        DEVICES["decide_device_authorization"],
        lambda: (
            *("bj1", ID_OF_7, "approved", "user7", None, CLOCK.now(), "mobile", "", CLOCK.now(), uuid7(CLOCK.now())),
        ),
    ),
    "ask for a device": (
        DEVICES["redeem_device_code"],
        lambda: ("bj1", "app", *begun(), ID_OF_7, b""),
    ),
    "sign a user out": (
        USER_DATA["sign_user_out"],
        lambda: ("bj1", "user7", [ID_OF_7], [ID_OF_7], "user7", CLOCK.now(), uuid7(CLOCK.now())),
    ),
    "end all of a user's": (
        USER_DATA["end_user_sessions"],
        lambda: ("bj1", "user7", "operator", CLOCK.now(), uuid7(CLOCK.now())),
    ),
    "look at an access token": (
        PRESENTED["select_access_token_state"],
        lambda: ("bj1", "jti", "kid", ["user7"], "app", ID_OF_7, CLOCK.now(), ["app"]),
    ),
    "look at a refresh token": (
        PRESENTED["select_refresh_token_state"],
        lambda: ("bj1", ID_OF_7, "app", b"", 1, CLOCK.now()),
    ),
    "who a user is": (PRESENTED["select_user_info"], lambda: ("bj1", "user7", ID_OF_7)),
    "give a refresh token back": (
        PRESENTED["end_session"],
        lambda: ("bj1", ID_OF_7, "app", b"", CLOCK.now(), uuid7(CLOCK.now())),
    ),
    "give an access token back": (
        PRESENTED["revoke_access_token"],
        lambda: ("bj1", "app", "jti", ID_OF_7, "user7", CLOCK.now(), uuid7(CLOCK.now())),
    ),
}

COUNTED = """
select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::bigint
from pg_stat_xact_user_tables where schemaname = 'token'
"""

# A session, a code, a device, an audit row, a revocation and a used assertion for each user; of the one, none decided.
FILL = (
    """
    insert into token.app_user (domain_id, user_id, user_name, nick_name, avatar, default_drive_id, role, status,
        created_at)
    select 'bj1', 'user' || n, '', '', '', '', 'user', 'enabled', $1 from generate_series(1, $2::int) n
    """,
    """
    insert into token.session (domain_id, session_id, client_id, user_id, secret_hash, created_at, rotated_at,
        expires_at, absolute_at, scopes, device_id, device_name, user_name, nick_name, avatar, default_drive_id,
        user_role, user_status)
    select 'bj1', i.id, 'app', 'user' || i.n, '', $1, $1, l.later, l.later, '{}', '', '', '', '', '', '', 'user',
        'enabled'
    from unnest($2::uuid[]) with ordinality i (id, n), (select $1::timestamptz + interval '1 day') l (later)
    """,
    """
    insert into token.authorization_code (domain_id, code_id, code_hash, client_id, redirect_uri, user_id, scopes,
        nonce, device_id, device_name, expires_at)
    select 'bj1', i.id, '', 'app', '', 'user' || i.n, '{}', '', '', '', $1
    from unnest($2::uuid[]) with ordinality i (id, n)
    """,
    """
    insert into token.device_authorization (domain_id, authorization_id, device_code_hash, user_code_hash, client_id,
        scopes, device_id, device_name, expires_at, decision, user_id)
    select 'bj1', i.id, '', uuid_send(i.id), 'app', '{}', '', '', $1::timestamptz + interval '10 minutes',
        case when i.n <> 7 then 'approved' end, case when i.n <> 7 then 'user' || i.n end
    from unnest($2::uuid[]) with ordinality i (id, n)
    """,
    """
    insert into token.audit (domain_id, event_id, event, user_id, actor)
    select 'bj1', i.id, 'x', 'user' || i.n, 'user' || (i.n + 1)
    from unnest($2::uuid[]) with ordinality i (id, n) where $1::timestamptz is not null
    """,
    """
    insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
    select 'bj1', i.id, 'token', 'jti' || i.n, $1 from unnest($2::uuid[]) with ordinality i (id, n)
    """,
    """
    insert into token.used_assertion (domain_id, client_id, assertion_id, expires_at)
    select 'bj1', 'app', uuid_send(i.id), $1 from unnest($2::uuid[]) i (id)
    """,
)


@pytest_asyncio.fixture
async def connection(database_url: Callable[[str], str]) -> AsyncIterator[asyncpg.Connection]:
    dsn = database_url("token")
    await Partitions(dsn, CLOCK, PARTITIONED).attach()
    made = await asyncpg.connect(dsn)
    yield made
    await made.close()


async def fill(connection: asyncpg.Connection) -> None:
    now = CLOCK.now()
    users, *others = FILL
    await connection.execute(users, now, OTHERS)
    for each in others:
        await connection.execute(each, now, IDS)


@asynccontextmanager
async def undone(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction that leaves nothing."""
    transaction = connection.transaction()
    await transaction.start()
    yield
    await transaction.rollback()


@pytest.mark.parametrize("mode", ["auto", "force_generic_plan"])
async def test_reads_what_it_needs(connection: asyncpg.Connection, mode: str) -> None:
    await connection.execute(f"set plan_cache_mode = {mode}")
    for statement, arguments in STATEMENTS.values():
        async with undone(connection):
            for _ in range(10):  # after five, a plan is kept
                await connection.fetch(statement, *arguments())
    await fill(connection)

    read: dict[str, int] = {}
    for name, (statement, arguments) in STATEMENTS.items():
        async with undone(connection):
            before = await connection.fetchval(COUNTED)
            await connection.fetch(statement, *arguments())
            read[name] = await connection.fetchval(COUNTED) - before
    # Of seven tables of 5,000 rows; a listing reads no more than it may look at.
    assert {name: count for name, count in read.items() if not 1 <= count <= 250} == {}
