"""The statement that rotates, driven by pgbench: what a refresh costs in Postgres without a service before it."""

from pathlib import Path

import asyncpg

from tests.bench import pgbench

# Sessions n of a client of pgbench: their ids end in its number and n.
_SESSIONS = """
insert into token.session (
    domain_id, session_id, client_id, user_id, secret_hash, created_at, rotated_at, expires_at, absolute_at, scopes,
    device_id, device_name, user_name, nick_name, avatar, default_drive_id, user_role, user_status
)
select
    'bench', ($1 || lpad(to_hex(n), 12, '0'))::uuid, 'bench', 'user' || n, '\\x00', now(), now(),
    now() + interval '30 days', now() + interval '180 days', '{ACCOUNT.ALL,FILE.ALL}', '', '', 'Ada', 'Ada', '', '1',
    'user', 'enabled'
from generate_series(0, $2::int) as n
"""
_SCRIPT = """
\\set generation :generation + 1
select * from token.rotate_sessions(
    p_wait => false,
    p_domain_ids => array_fill('bench'::text, array[{count}]),
    p_session_ids => array[{ids}],
    p_client_ids => array_fill('bench'::text, array[{count}]),
    p_secret_hashes => array_fill('\\x00'::bytea, array[{count}]),
    p_generations => array_fill(:generation::bigint, array[{count}]),
    p_scopes => array_fill(''::text, array[{count}]),
    p_nows => array_fill(now(), array[{count}]),
    p_graces_from => array_fill(now() - interval '30 seconds', array[{count}]),
    p_graces_repeats => array_fill(10::bigint, array[{count}]),
    p_idles_until => array_fill(now() + interval '30 days', array[{count}]),
    p_event_ids => array[{events}]
);
"""
_MOST_TOKENS = 256


async def rotate(dsn: str, folder: Path, *, tokens: int, seconds: float) -> pgbench.Done:
    """Rotate sessions of nobody's, as fast as it goes.

    Args:
        dsn: the token service's database, of a stack that this process started.
        folder: for the script.
        tokens: how many a statement.
        seconds: how long.

    Returns:
        What it came to, for each token.
    """
    connection = await asyncpg.connect(dsn)
    try:
        prefix = str(await connection.fetchval("select uuidv7()"))[:24]
        await connection.execute(_SESSIONS, prefix, pgbench.CLIENTS * _MOST_TOKENS)
    finally:
        await connection.close()
    ids = ", ".join(
        f"('{prefix}' || lpad(to_hex(:client_id::int * {_MOST_TOKENS} + {n}), 12, '0'))::uuid" for n in range(tokens)
    )
    script = _SCRIPT.format(ids=ids, count=tokens, events=", ".join(["uuidv7()"] * tokens))
    done = await pgbench.run(dsn, folder, script, seconds=seconds, variables={"generation": 0})
    return pgbench.Done(done.per_second * tokens, done.cpu_per_1000 / tokens)
