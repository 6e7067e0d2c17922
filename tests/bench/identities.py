"""Tables with many identities, in the place of account's own: filled by the database, looked into by calls.

Identity n belongs to user n / 2, and open account n has an id that tells its number, so that nobody need read what there
is. Several sizes stand beside each other, and one of them at a time is the service's table: so they can be measured in
turn, in minutes that are alike.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import asyncpg

from deploy.local.errors import CannotRun

IDENTITY = "('identity-' || {n}::text)"
USER = "('user-' || ({n}::bigint / 2)::text)"
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
    return f"identity-{n}"


def user(n: int) -> str:
    """The user whose identity n is."""
    return f"user-{n // 2}"


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
        connection: as account's role.
        domain_id: whose identities they are.
    """

    def __init__(self, connection: asyncpg.Connection, domain_id: str) -> None:
        self._connection = connection
        self._domain_id = domain_id
        self._used: int | str = OWN

    async def fill(self, size: int, advance: Callable[[int], None]) -> None:
        """Make tables of a size. `advance` is told of rows as they are made: twice `size` in all."""
        for table, insert in _TABLES.items():
            name = f"account.{table}_{size}"
            await self._connection.execute(f"create table {name} (like account.{table} including all)")
            for first in range(0, size, _SLICE):
                last = min(size, first + _SLICE)
                await self._connection.execute(insert.format(size=size), self._domain_id, first, last - 1)
                advance(last - first)
            await self._connection.execute(f"vacuum analyze {name}")

    async def use(self, size: int | str) -> None:
        """Have the service find the tables of that size in the place of its own; of size `OWN`, its own again."""
        async with self._connection.transaction():
            for table in _TABLES:
                await self._connection.execute(f"alter table account.{table} rename to {table}_{self._used}")
                await self._connection.execute(f"alter table account.{table}_{size} rename to {table}")
        self._used = size

    async def drop(self, sizes: Sequence[int]) -> None:
        """Put the service's own tables back, and take away what was made."""
        if self._used != OWN:
            await self.use(OWN)
        for table in _TABLES:
            for size in sizes:
                await self._connection.execute(f"drop table if exists account.{table}_{size}")
