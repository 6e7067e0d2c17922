"""Tables with many identities, in the place of account's own: filled by the database, looked into by calls.

Identity n belongs to user n / 2, and open account n has an id that tells its number, so that nobody need read what
there is. Several sizes stand beside each other, and one of them at a time is the service's table: so they can be
measured in turn, in minutes that are alike.
"""

import asyncio
import itertools
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local.errors import CannotRun
from services.runtime.db import connected

# In the order of their numbers: that is the fastest way to fill an index.
IDENTITY = "('identity-' || lpad(({n})::text, 9, '0'))"
USER = "('user-' || lpad((({n})::bigint / 2)::text, 9, '0'))"
OPEN_ACCOUNT = "('00000000-0000-7000-8000-' || lpad(to_hex({n}::bigint), 12, '0'))::uuid"
"""SQL of the ids of number `n`."""
OWN = "own"
"""In the place of a size: the tables that the service had before."""

_LINKS = f"""
insert into account.link_{{size}} (domain_id, type, identity_key, identity, user_id, created_at)
select $1, 'custom', {IDENTITY.format(n="n")}, {IDENTITY.format(n="n")}, {USER.format(n="n")}, now()
from generate_series($2::bigint, $3::bigint) n
"""
_OPEN_ACCOUNTS = f"""
insert into account.open_account_{{size}} (domain_id, identity_id, project_id, idp, open_id, display_name, mobile,
    create_access_key, created_at)
select $1, {OPEN_ACCOUNT.format(n="n")}, 'bench', 'BENCH', n::text, 'Bench', '13900001234', 'bench', now()
from generate_series($2::bigint, $3::bigint) n
"""
_TABLES = {"link": _LINKS, "open_account": _OPEN_ACCOUNTS}
_SLICE = 100_000
# Rows and indexes of both tables; and what Postgres needs beside them, its log first.
_BYTES_EACH = 800
_BYTES_BESIDE = 2 * 2**30


def identity(n: int) -> str:
    """Identity n."""
    return f"identity-{n:09}"


def user(n: int) -> str:
    """The user whose identity n is."""
    return f"user-{n // 2:09}"


def open_account(n: int) -> str:
    """The id of open account n."""
    return f"00000000-0000-7000-8000-{n:012x}"


def check_disk(folder: Path, sizes: Sequence[int]) -> str:
    """See that there is room for so many. Returns a line that says how much. Raises `CannotRun` where there is none."""
    need, free = sum(sizes) * _BYTES_EACH + _BYTES_BESIDE, shutil.disk_usage(folder).free
    line = f"takes about {need / 2**30:.1f} GiB of the {free / 2**30:.1f} that are free at {folder.parent}"
    if need > free:
        raise CannotRun(f"no room: {line}; smaller --sizes, or TMPDIR elsewhere")
    return line


class Tables:
    """Account's tables in several sizes.

    Args:
        dsn: account's database.
        domain_id: whose identities they are.
    """

    def __init__(self, dsn: str, domain_id: str) -> None:
        self._dsn = dsn
        self._domain_id = domain_id
        self._used: int | str = OWN

    async def fill(self, size: int, advance: Callable[[int], None]) -> None:
        """Make tables of a size. `advance` is told of rows as they are made: twice `size` in all."""
        await asyncio.gather(*(self._fill(table, insert, size, advance) for table, insert in _TABLES.items()))

    async def _fill(self, table: str, insert: str, size: int, advance: Callable[[int], None]) -> None:
        name = f"account.{table}_{size}"
        async with connected(self._dsn) as connection:
            await connection.execute(f"create table {name} (like account.{table} including all)")
            for first in range(0, size, _SLICE):
                last = min(size, first + _SLICE)
                await connection.execute(insert.format(size=size), self._domain_id, first, last - 1)
                advance(last - first)
            await connection.execute(f"vacuum analyze {name}")

    async def use(self, size: int | str) -> None:
        """Have the service find the tables of that size in the place of its own; of size `OWN`, its own again."""
        async with connected(self._dsn) as connection, connection.transaction():
            # Token has none of their users, and who looks for such is not to find them.
            await connection.execute("update account.followed_feed set sweep_at = now() + interval '1 day'")
            # A view reads the tables that it was made for, whatever they are called by now.
            view = await connection.fetchval("select pg_get_viewdef('account.every_open_account'::regclass)")
            for table in _TABLES:
                await connection.execute(f"alter table account.{table} rename to {table}_{self._used}")
                await connection.execute(f"alter table account.{table}_{size} rename to {table}")
            await connection.execute(f"create or replace view account.every_open_account as {view}")
        self._used = size

    async def drop(self, sizes: Sequence[int]) -> None:
        """Put the service's own tables back, and take away what was made."""
        if self._used != OWN:
            await self.use(OWN)
        async with connected(self._dsn) as connection:
            for table, size in itertools.product(_TABLES, sizes):
                await connection.execute(f"drop table if exists account.{table}_{size}")
