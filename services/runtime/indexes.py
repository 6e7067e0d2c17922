"""Indexes of partitioned tables, made before the migration that asks for them, while everybody goes on writing.

`create index concurrently` refuses a partitioned table, and without the word nobody writes to it until the index is
there. So each partition gets its index by itself, concurrently, and what is left for the table's is a matter of
moments. A migration's `create index if not exists` then finds it; in an empty database, where there is nothing to be
made ahead, the migration makes it.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import asyncpg
import structlog

from services.runtime.db import DirectConnection

log = structlog.get_logger()

_CREATE = re.compile(r"^create index if not exists (\w+) on (\w+)\.(\w+) ([^;]+);", re.MULTILINE)
_PARTITIONS = """
    select child.relname from pg_inherits join pg_class child on child.oid = inhrelid
    where inhparent = to_regclass($1) and not inhdetachpending
    order by child.relname
"""
_VALID = "select indisvalid from pg_index where indexrelid = to_regclass($1)"


async def make_ahead(connection: DirectConnection, migrations: Iterable[Path]) -> None:
    """Make what pending migrations ask for by `create index if not exists` of partitioned tables that there are.

    What cannot be made yet, since a column is missing, is left to the migration. Goes on where it was interrupted.

    Raises:
        asyncpg.PostgresError: the database refused.
    """
    for path in migrations:
        for name, schema, table, definition in _CREATE.findall(path.read_text(encoding="utf-8")):
            if await connection.fetchval(_VALID, f"{schema}.{name}"):
                continue
            try:
                await _make(connection, schema, table, name, definition)
            except asyncpg.UndefinedColumnError as error:
                log.debug("index left to its migration", index=name, problem=str(error))


async def _make(connection: DirectConnection, schema: str, table: str, name: str, definition: str) -> None:
    parent = f"{schema}.{table}"
    partitions = [row["relname"] for row in await connection.fetch(_PARTITIONS, parent)]
    for partition in partitions:
        index = f"{schema}.{partition}_{name}"
        if await connection.fetchval(_VALID, index) is False:
            await connection.execute(f"drop index {index}")
        await connection.execute(
            f"create index concurrently if not exists {partition}_{name} on {schema}.{partition} {definition}"
        )
    if not partitions:
        return
    async with connection.transaction():
        await connection.execute("set local lock_timeout = '2s'")
        await connection.execute(f"create index if not exists {name} on only {parent} {definition}")
        # Nobody attaches a partition now. One that was attached meanwhile is for later, and empty.
        for row in await connection.fetch(_PARTITIONS, parent):
            index = f"{row['relname']}_{name}"
            await connection.execute(f"create index if not exists {index} on {schema}.{row['relname']} {definition}")
            await connection.execute(f"alter index {schema}.{name} attach partition {schema}.{index}")
