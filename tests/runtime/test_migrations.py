"""Migrations: in order, under a lock, by as many replicas as like."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from services.runtime.errors import Unavailable
from services.runtime.migrations import MigrationError, migrate, pending
from tests.support.databases import Databases


def write(folder: Path, version: str, sql: str) -> None:
    (folder / f"{version}_step.sql").write_text(f"-- migrate:up\n{sql}\n\n-- migrate:down\n")


async def test_twenty_replicas_migrate_at_once(databases: Databases, tmp_path: Path) -> None:
    dsn = databases.empty("token")
    write(tmp_path, "0001", "create table token.one (id int primary key); insert into token.one values (1);")
    write(tmp_path, "0002", "select pg_sleep(0.2); insert into token.one values (2);")
    await asyncio.gather(*(migrate(dsn, "token", tmp_path) for _ in range(20)))
    connection = await asyncpg.connect(dsn)
    assert [row["id"] for row in await connection.fetch("select id from token.one order by id")] == [1, 2]
    assert await pending(connection, "token", tmp_path) == set()
    write(tmp_path, "0003", "insert into token.one values (3);")
    assert await pending(connection, "token", tmp_path) == {"0003"}
    await connection.close()


async def test_a_failing_migration_leaves_what_came_before(databases: Databases, tmp_path: Path) -> None:
    dsn = databases.empty("token")
    write(tmp_path, "0001", "create table token.one (id int primary key);")
    write(tmp_path, "0002", "create table token.two (id int primary key); select nonsense;")
    with pytest.raises(MigrationError, match="nonsense"):
        await migrate(dsn, "token", tmp_path)
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("select to_regclass('token.one') is not null")
    assert await connection.fetchval("select to_regclass('token.two')") is None
    assert await pending(connection, "token", tmp_path) == {"0002"}
    await connection.close()


async def test_a_database_that_is_away_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await migrate(f"postgres://token@/none?host={tmp_path}", "token", tmp_path)


async def test_an_index_of_a_partitioned_table_is_made_while_others_write(databases: Databases, tmp_path: Path) -> None:
    dsn = databases.empty("token")
    write(
        tmp_path,
        "0001",
        "create table token.one (id int, kind text) partition by range (id);"
        "create table token.one_a partition of token.one for values from (0) to (10);"
        "create table token.one_b partition of token.one for values from (10) to (20);",
    )
    await migrate(dsn, "token", tmp_path)
    connections = [await asyncpg.connect(dsn) for _ in range(2)]
    slow, quick = connections
    write(
        tmp_path,
        "0002",
        "set local lock_timeout = '1s';\n"
        "create index if not exists one_by_kind on token.one (kind) where kind is not null;",
    )
    write(tmp_path, "0003", "alter table token.one add column later int;")
    write(tmp_path, "0004", "create index if not exists one_by_later on token.one (later);")
    under_way = slow.transaction()
    await under_way.start()
    await slow.execute("insert into token.one values (1, 'a')")
    # Several want to at once, as jobs that were started again.
    migrating = asyncio.gather(*(migrate(dsn, "token", tmp_path) for _ in range(3)))
    async with asyncio.timeout(30):
        while not await quick.fetchval("select to_regclass('token.one_a_one_by_kind') is not null"):
            await asyncio.sleep(0.02)
        # The index waits for the one, and nobody for the index.
        await quick.execute("insert into token.one values (2, 'b'), (12, 'b')")
        assert not migrating.done()
        await quick.execute("create table token.one_c (like token.one including all)")
        await quick.execute("alter table token.one attach partition token.one_c for values from (20) to (30)")
    await under_way.commit()
    await migrating
    for name in ("one_by_kind", "one_by_later"):
        valid = (
            "select bool_and(i.indisvalid), count(*) from pg_partition_tree($1) t join pg_index i on indexrelid = relid"
        )
        assert tuple(await quick.fetchrow(valid, f"token.{name}") or ()) == (True, 4)
    for connection in connections:
        await connection.close()


async def test_an_index_that_was_interrupted_is_finished(databases: Databases, tmp_path: Path) -> None:
    dsn = databases.empty("token")
    write(
        tmp_path,
        "0001",
        "create table token.one (id int, kind text) partition by range (id);"
        "create table token.one_a partition of token.one for values from (0) to (10);"
        "insert into token.one values (1, 'a'), (2, 'a');",
    )
    await migrate(dsn, "token", tmp_path)
    connection = await asyncpg.connect(dsn)
    # A unique one cannot be made of these rows: it stays behind, invalid, as one does whose process was killed.
    with pytest.raises(asyncpg.UniqueViolationError):
        await connection.execute("create unique index concurrently one_a_one_by_kind on token.one_a (kind)")
    write(tmp_path, "0002", "create index if not exists one_by_kind on token.one (kind);")
    await migrate(dsn, "token", tmp_path)
    rows = await connection.fetch(
        "select indisvalid, indisunique from pg_index where indrelid = 'token.one_a'::regclass"
    )
    assert [tuple(row) for row in rows] == [(True, False)]
    await connection.close()
