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
