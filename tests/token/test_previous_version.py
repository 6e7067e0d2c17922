"""The previous version's statements on a schema that was migrated under it, before any process of this version ran."""

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest_asyncio

from services.runtime.clock import Clock
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.runtime.sql import load_queries
from services.token.store import PARTITIONED, sessions

DOMAIN, CLIENT, USER = "bj1", "shop", "ann"
# What the previous version keeps partitions of.
KNOWN = {"token.session", "token.authorization_code", "token.used_assertion", "token.audit"}
NOW = datetime.now(UTC)
LATER = NOW + timedelta(minutes=10)

SET_USER_STATUS = """
select token.set_user_status(
    p_domain_id => $1, p_user_id => $2, p_status => $3, p_actor => $4, p_event_id => $5
)
"""
START_SESSION_BY_ASSERTION = """
select * from token.start_session_by_assertion(
    p_domain_id => $1, p_client_id => $2, p_user_id => $3, p_scopes => $4, p_session_id => $5, p_secret_hash => $6,
    p_now => $7, p_expires_at => $8, p_absolute_at => $9, p_event_id => $10, p_assertion_id => $11,
    p_assertion_expires_at => $12, p_auto_create => $13, p_superadmins => $14
)
"""
REDEEM_CODE = """
select * from token.redeem_code(
    p_domain_id => $1, p_client_id => $2, p_session_id => $3, p_secret_hash => $4, p_now => $5, p_expires_at => $6,
    p_absolute_at => $7, p_event_id => $8, p_code_id => $9, p_code_hash => $10, p_redirect_uri => $11,
    p_code_challenge => $12
)
"""
# What the previous version makes a session of: every column of the answer, and no other.
ANSWERED = {
    *("verdict", "session_id", "generation", "user_id", "scopes", "role_cap", "actor", "device_id", "device_name"),
    *("user_name", "nick_name", "avatar", "default_drive_id", "user_role", "is_first"),
}
ROTATE_SESSION = """
select * from token.rotate_session(
    p_domain_id => $1, p_client_id => $2, p_session_id => $3, p_secret_hash => $4, p_generation => $5, p_scopes => $6,
    p_now => $7, p_grace_from => $8, p_grace_repeats => $9, p_idle_until => $10, p_event_id => $11
)
"""
REDEEM_CODE_WITH_NONCE = """
select (r.opened).*, r.nonce from token.redeem_code_with_nonce(
    p_domain_id => $1, p_client_id => $2, p_session_id => $3, p_secret_hash => $4, p_now => $5, p_expires_at => $6,
    p_absolute_at => $7, p_event_id => $8, p_code_id => $9, p_code_hash => $10, p_redirect_uri => $11,
    p_code_challenge => $12
) r
"""
INSERT_APP = """
insert into token.app (
    domain_id, client_id, name, type, admitted, redirect_uris, scopes, permissions, push_access_ids, secret_hashes,
    created_at, description, logo
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
UPDATE_APP = """
update token.app set
    name = $4, description = $5, logo = $6, redirect_uris = $7, scopes = $8, permissions = $9, push_access_ids = $10,
    grace = $11, grace_repeats = $12, repeat_until_used = $13, session_idle = $14, session_lifetime = $15,
    token_type = $16, version = version + 1, updated_at = $17
where domain_id = $1 and client_id = $2 and version = $3
returning updated_at, version
"""
DELETE_USER = """
select token.delete_user(
    p_domain_id => $1, p_user_id => $2, p_etag => $3, p_roles => $4, p_pseudonym => $5, p_actor => $6, p_now => $7,
    p_event_id => $8
)
"""
END_USER_SESSIONS = """
select token.end_user_sessions(p_domain_id => $1, p_user_id => $2, p_actor => $3, p_now => $4, p_event_id => $5)
"""
INSERT_CODE = """
insert into token.authorization_code (
    domain_id, code_id, code_hash, client_id, redirect_uri, user_id, scopes, code_challenge, nonce, device_id,
    device_name, expires_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""


THIS_VERSIONS = load_queries(Path(sessions.__file__).with_suffix(".sql"))


@pytest_asyncio.fixture
async def database(database_url: Callable[[str], str]) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    dsn = database_url("token")
    await Partitions(dsn, Clock(), tuple(table for table in PARTITIONED if table.table in KNOWN)).attach()
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "insert into token.app_user (domain_id, user_id, user_name, nick_name, avatar, default_drive_id, role, status,"
        " created_at) values ($1, $2, '', '', '', '', 'user', 'enabled', now())",
        DOMAIN,
        USER,
    )
    yield connection
    await connection.close()


async def opened(database: "asyncpg.Connection[asyncpg.Record]", query: str, *values: object) -> asyncpg.Record:
    row = await database.fetchrow(query, *values)
    assert row
    assert set(row.keys()) == ANSWERED
    return row


async def by_assertion(
    database: "asyncpg.Connection[asyncpg.Record]", user_id: str, *, auto_create: bool = False
) -> asyncpg.Record:
    return await opened(
        database,
        START_SESSION_BY_ASSERTION,
        *(DOMAIN, CLIENT, user_id, ["openid"], uuid7(NOW), b"secret", NOW, LATER, LATER, uuid7(NOW)),
        *(uuid.uuid4().bytes, LATER, auto_create, False),
    )


async def rotate(
    database: "asyncpg.Connection[asyncpg.Record]", session_id: uuid.UUID, generation: int
) -> asyncpg.Record:
    return await opened(
        database,
        ROTATE_SESSION,
        *(DOMAIN, CLIENT, session_id, b"secret", generation, ["openid"]),
        *(NOW, NOW - timedelta(seconds=30), 10, LATER, uuid7(NOW)),
    )


async def test_disables_a_user(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    session = await by_assertion(database, USER)
    assert await database.fetchval(SET_USER_STATUS, DOMAIN, USER, "disabled", "root", uuid7(NOW))
    assert (await rotate(database, session["session_id"], 1))["verdict"] == "disabled"
    assert await database.fetchval("select count(*) from token.revocation where subject = $1", USER) == 1


async def test_makes_a_user_by_an_assertion(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    assert (await by_assertion(database, "new", auto_create=True))["verdict"] == "started"
    assert await database.fetchval("select kind from token.user_event where user_id = 'new'") == "created"


async def test_redeems_a_code_once(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    code_id = uuid7(NOW)
    await database.execute(
        INSERT_CODE,
        *(DOMAIN, code_id, b"code", CLIENT, "https://a.example", USER, ["openid"], None, "", "", "", LATER),
    )

    async def redeem() -> str:
        row = await opened(
            database,
            REDEEM_CODE,
            *(DOMAIN, CLIENT, uuid7(NOW), b"secret", NOW, LATER, LATER, uuid7(NOW), code_id, b"code"),
            *("https://a.example", None),
        )
        return str(row["verdict"])

    assert [await redeem(), await redeem()] == ["started", "replay"]


async def test_refreshes_in_turns_with_this_version(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    session_id = (await by_assertion(database, USER))["session_id"]
    for generation in (1, 3, 5):
        assert (await rotate(database, session_id, generation))["generation"] == generation + 1
        rotated = await database.fetchrow(
            THIS_VERSIONS["rotate_sessions"],
            *(True, [DOMAIN], [session_id], [CLIENT], [b"secret"], [generation + 1], ["openid"]),
            *([NOW], [NOW - timedelta(seconds=30)], [10], [LATER], [uuid7(NOW)]),
        )
        assert rotated
        assert (rotated["verdict"], rotated["generation"]) == ("rotated", generation + 2)


async def test_redeems_a_code_with_its_nonce(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    code_id = uuid7(NOW)
    await database.execute(
        INSERT_CODE,
        *(DOMAIN, code_id, b"code", CLIENT, "https://a.example", USER, ["openid"], None, "n", "", "", LATER),
    )
    row = await database.fetchrow(
        REDEEM_CODE_WITH_NONCE,
        *(DOMAIN, CLIENT, uuid7(NOW), b"secret", NOW, LATER, LATER, uuid7(NOW), code_id, b"code"),
        *("https://a.example", None),
    )
    assert row
    assert (row["verdict"], row["nonce"], set(row.keys())) == ("started", "n", {*ANSWERED, "nonce"})


async def test_what_it_makes_is_made_as_before_for_this_version(
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    """A code of the previous version's says nothing of when its user was proven."""
    code_id = uuid7(NOW)
    await database.execute(
        INSERT_CODE,
        *(DOMAIN, code_id, b"code", CLIENT, "https://a.example", USER, ["openid"], None, "", "", "", LATER),
    )
    row = await database.fetchrow(
        THIS_VERSIONS["redeem_code"],
        *(DOMAIN, CLIENT, uuid7(NOW), b"secret", NOW, LATER, LATER, uuid7(NOW), code_id, b"code"),
        *("https://a.example", None),
    )
    assert row
    assert (row["verdict"], row["authenticated_at"]) == ("started", None)


async def test_sets_an_app_up(database: "asyncpg.Connection[asyncpg.Record]") -> None:
    lists: list[object] = [[], [], [], [], []]
    await database.execute(INSERT_APP, DOMAIN, CLIENT, "Shop", "native", True, *lists, NOW, "", "")
    await database.execute("update token.app set skip_consent = true, device_flow = true")
    changed = await database.fetchrow(
        UPDATE_APP,
        *(DOMAIN, CLIENT, 1, "Shop 2", "", "", *lists[:4]),
        *(timedelta(seconds=30), 10, False, None, None, "JWT", NOW),
    )
    assert changed
    # What it does not know of stays as it is.
    app = await database.fetchrow("select name, skip_consent, device_flow from token.app")
    assert app
    assert tuple(app) == ("Shop 2", True, True)


async def test_ends_and_deletes_a_user_without_partitions_of_devices(
    database: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    session = await by_assertion(database, USER)
    assert await database.fetchval(END_USER_SESSIONS, DOMAIN, USER, "admin", NOW, uuid7(NOW)) == "revoked"
    assert (await rotate(database, session["session_id"], 1))["verdict"] == "revoked"
    roles = ["user", "admin"]
    deleted = await database.fetchval(DELETE_USER, DOMAIN, USER, None, roles, "erased", "admin", NOW, uuid7(NOW))
    assert deleted == "deleted"
