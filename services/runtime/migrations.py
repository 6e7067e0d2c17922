"""A service's schema: plain-SQL migrations, applied by dbmate under a lock, so that all replicas may start at once."""

import asyncio
import shutil
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from services.runtime.db import Connection, DirectConnection, connected
from services.runtime.indexes import make_ahead

# Held while migrations run: one number for all schemas, since creating a schema is one catalogue's matter.
_LOCK = 7_305_510_021
_AGAIN_SECONDS = 0.1


class MigrationError(Exception):
    """A migration failed; the text is dbmate's, for the operator."""


def folder_of(service: str) -> Path:
    """The folder of a service's migrations."""
    return Path(__file__).parents[1] / service / "migrations"


async def migrate(dsn: str, schema: str, folder: Path) -> None:
    """Bring a schema up to date.

    Args:
        dsn: direct connection, no pooler between.
        schema: name of the schema; made where it is absent.
        folder: the migrations, `<version>_<what>.sql`.

    Raises:
        Unavailable: the database is away.
        MigrationError: a migration failed; those before it are applied, it is not.
    """
    async with connected(dsn) as connection:
        # Not by waiting in a statement: an index that is made concurrently waits for every statement to end.
        while not await connection.fetchval("select pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110 another process
            await asyncio.sleep(_AGAIN_SECONDS)
        versions = await pending(connection, schema, folder)
        if versions:
            # `if not exists` asks for the right to create one even where there is one.
            if not await connection.fetchval("select 1 from pg_namespace where nspname = $1", schema):
                await connection.execute(f'create schema "{schema}"')
            try:
                await make_ahead(
                    connection,
                    (path for path in sorted(folder.glob("*.sql")) if path.name.partition("_")[0] in versions),
                )
            except asyncpg.PostgresError as error:
                raise MigrationError(f"an index could not be made: {error}") from error
            # dbmate insists on TLS where a DSN does not say; it gets what this connection came to.
            encrypted = await connection.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
            await _dbmate(_with_sslmode(dsn, encrypted=bool(encrypted)), schema, folder)


async def pending(connection: "Connection | DirectConnection", schema: str, folder: Path) -> set[str]:
    """Versions in the folder that are not applied. Empty: the schema is up to date."""
    known = {path.name.partition("_")[0] for path in folder.glob("*.sql")}
    table = f'"{schema}".schema_migrations'
    if not await connection.fetchval("select to_regclass($1)", table):
        return known
    rows = await connection.fetch(f"select version from {table}")  # noqa: S608 the schema is the service's name
    return known - {row["version"] for row in rows}


def _with_sslmode(dsn: str, *, encrypted: bool) -> str:
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    query.setdefault("sslmode", "require" if encrypted else "disable")
    return urlunsplit(parts._replace(query=urlencode(query)))


async def _dbmate(dsn: str, schema: str, folder: Path) -> None:
    binary = shutil.which("dbmate", path=str(Path(sys.executable).parent)) or "dbmate"
    process = await asyncio.create_subprocess_exec(
        binary,
        "--migrations-dir",
        str(folder),
        "--migrations-table",
        f"{schema}.schema_migrations",
        "--no-dump-schema",
        "up",
        env={"DATABASE_URL": dsn},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise MigrationError(output.decode(errors="replace").strip())
