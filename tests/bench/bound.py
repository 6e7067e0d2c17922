"""Tables with many bindings, in the place of binding's own: filled by the database, and who is bound to whom in them.

Of `size` tokens nine in ten are persons', two each: token n of these is bound to account n % persons. The others are
those of accounts that have as many as they may, 100 each. What a token and an account are called tells its number, so
that nobody need read what there is; tokens are digests, so that neighbours in an index were never bound together.
"""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.local.errors import CannotRun
from services.runtime.db import DirectConnection, connected

CAP = 100
"""How many tokens an account may have, of the push app whose bindings they are."""
TOKEN, ACCOUNT = "md5(({n})::bigint::text)", "('account-' || ({n})::bigint)"
"""SQL of the names of number `n`."""
OWN = "own"
"""In the place of a size: the table that the service had before."""
JUST_EMPTY = "just_empty"
"""In the place of a size: a table that was empty when it was first used, and is filled while it is."""

_OWNER = "case when n < 2 * $4::bigint then n % $4 else $4 + (n - 2 * $4) % $5::bigint end"
_ROWS = f"""
insert into {{table}} (access_id, token, account_type, account, op, bound_at)
select $1, {TOKEN.format(n="n")}, 0, {ACCOUNT.format(n=_OWNER)}, nextval('binding.op'), now()
from generate_series($2::bigint, $3::bigint) n
on conflict do nothing
"""
# Names of indexes are made up, so that tables may have the same ones.
_INDEXES = r"""
select regexp_replace(indexdef, 'INDEX \S+ ON', 'INDEX ON') as made
from pg_indexes where schemaname = 'binding' and tablename = 'binding'
"""
_FEW = 50_000
_SLICE = 200_000
# A row and its places in two indexes, with what moves add; and what Postgres needs beside, its log first.
_BYTES_EACH = 400
_BYTES_BESIDE = 2 * 2**30


def persons(size: int) -> int:
    """How many accounts have two tokens: their numbers are below it."""
    return size * 45 // 100


def full(size: int) -> int:
    """How many accounts have `CAP` tokens: their numbers begin with `persons`."""
    return (size - 2 * persons(size)) // CAP


def token(n: int) -> str:
    """Token n."""
    return hashlib.md5(str(n).encode(), usedforsecurity=False).hexdigest()


def account(n: int) -> str:
    """Account n."""
    return f"account-{n}"


def check_disk(folder: Path, sizes: Sequence[int]) -> str:
    """See that there is room for so many. Returns a line that says how much. Raises `CannotRun` where there is none."""
    need, free = sum(sizes) * _BYTES_EACH + _BYTES_BESIDE, shutil.disk_usage(folder).free
    line = f"takes about {need / 2**30:.1f} GiB of the {free / 2**30:.1f} that are free at {folder.parent}"
    if need > free:
        raise CannotRun(f"no room: {line}; smaller --sizes, or TMPDIR elsewhere")
    return line


class Tables:
    """Binding's table in several sizes, beside each other; one of them at a time is the service's.

    Args:
        dsn: binding's database.
        access_id: the push app whose bindings they are.
    """

    def __init__(self, dsn: str, access_id: int) -> None:
        self._dsn = dsn
        self._access_id = access_id
        self._used: int | str = OWN

    async def fill(self, size: int, advance: Callable[[int], None]) -> None:
        """Make a table of a size. `advance` is told of rows as they are made."""
        table = f"binding.binding_{size}"
        async with connected(self._dsn) as connection:
            # Indexes are made of rows that are there, which takes a third of the time.
            await connection.execute("set maintenance_work_mem = '256MB'")
            await connection.execute(f"create table {table} (like binding.binding including all excluding indexes)")
            for first in range(0, size, _SLICE):
                last = min(size, first + _SLICE)
                await self._insert(connection, table, size, range(first, last))
                advance(last - first)
            for index in await connection.fetch(_INDEXES):
                await connection.execute(index["made"].replace(" binding.binding ", f" {table} "))
            await connection.execute(f"vacuum analyze {table}")

    async def use(self, size: int | str) -> None:
        """Have the service find the table of that size in the place of its own; of size `OWN`, its own again.

        What is bound while a small one is measured would soon make it a large one: it is made anew each time.
        """
        if isinstance(size, int) and size <= _FEW:
            await self._swap(OWN)
            await self._drop(size)
            await self.fill(size, _nobody)
        await self._swap(size)

    async def use_empty(self) -> None:
        """Have the service find an empty table, at which nothing but calls will look."""
        await self._swap(OWN)
        await self._drop(JUST_EMPTY)
        async with connected(self._dsn) as connection:
            await connection.execute(
                f"create table binding.binding_{JUST_EMPTY} (like binding.binding including all)"
                " with (autovacuum_enabled = off)"
            )
        await self._swap(JUST_EMPTY)

    async def fill_used(self, size: int) -> None:
        """Fill the table that the service uses, whose connections keep the plans that they have."""
        async with connected(self._dsn) as connection:
            await self._insert(connection, "binding.binding", size, range(size))

    async def drop(self, sizes: Sequence[int]) -> None:
        """Put the service's own table back, and take away what was made."""
        await self._swap(OWN)
        for size in (*sizes, JUST_EMPTY):
            await self._drop(size)

    async def _insert(self, connection: DirectConnection, table: str, size: int, numbers: range) -> None:
        counts = max(1, persons(size)), max(1, full(size))
        rows = _ROWS.format(table=table)
        await connection.execute(rows, self._access_id, numbers.start, numbers.stop - 1, *counts)

    async def _swap(self, name: int | str) -> None:
        if name == self._used:
            return
        async with connected(self._dsn) as connection, connection.transaction():
            await connection.execute(f"alter table binding.binding rename to binding_{self._used}")
            await connection.execute(f"alter table binding.binding_{name} rename to binding")
        self._used = name

    async def _drop(self, name: int | str) -> None:
        async with connected(self._dsn) as connection:
            await connection.execute(f"drop table if exists binding.binding_{name}")


def _nobody(_: int) -> None:
    """Told of rows where nobody asks."""
