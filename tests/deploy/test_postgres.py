"""The embedded Postgres: started, started again, killed, left behind."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy.local.errors import CannotRun
from deploy.local.home import Home
from deploy.local.postgres import Postgres, _as_owner, programs
from services.runtime.supervisor import Supervisor

ROOT = Path(__file__).parents[2]
PARENT = """
import asyncio, os, sys
from pathlib import Path
from deploy.local.home import Home
from deploy.local.postgres import Postgres
from services.runtime.supervisor import Supervisor
async def main():
    await Postgres(Home(Path(sys.argv[1])), os.environ).start(Supervisor(lambda *_: None))
    print("up", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@asynccontextmanager
async def started(home: Home, settings: str = "", told: list[str] | None = None) -> AsyncIterator[Postgres]:
    supervisor = Supervisor(lambda _, line: told.append(line) if told is not None else None)
    postgres = Postgres(home, os.environ, settings)
    try:
        await postgres.start(supervisor)
        yield postgres
    finally:
        await supervisor.stop()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def postmaster(home: Home) -> int:
    return int((home.postgres / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not met():
            await asyncio.sleep(0.02)


async def write(postgres: Postgres, value: int) -> None:
    connection = await asyncpg.connect(postgres.dsn("token"))
    await connection.execute("create table if not exists kept (value int)")
    await connection.execute("insert into kept values ($1)", value)
    await connection.close()


async def read(postgres: Postgres) -> list[int]:
    connection = await asyncpg.connect(postgres.dsn("token"))
    values = [row["value"] for row in await connection.fetch("select value from kept order by value")]
    await connection.close()
    return values


async def test_starts_fast_and_again_with_its_data_and_leaves_nothing_running(home: Home) -> None:
    async with started(home) as postgres:
        await write(postgres, 1)
        first = postmaster(home)
    assert not psutil.pid_exists(first)
    begun = time.monotonic()
    async with started(home) as postgres:
        assert time.monotonic() - begun < 2
        assert await read(postgres) == [1]
        connection = await asyncpg.connect(postgres.dsn("binding"))
        shown = {
            name: await connection.fetchval(f"show {name}")
            for name in (
                "listen_addresses",
                "fsync",
                "timezone",
                "max_locks_per_transaction",
            )
        }
        await connection.close()
    assert shown == {
        "listen_addresses": "",
        "fsync": "on",
        "timezone": "UTC",
        "max_locks_per_transaction": "256",
    }
    assert any("database system is shut down" in file.read_text() for file in home.log.iterdir())


async def test_each_role_has_its_schema_and_nothing_else(home: Home) -> None:
    async with started(home) as postgres:
        await write(postgres, 1)
        for role in ("account", "binding"):
            connection = await asyncpg.connect(postgres.dsn(role))
            assert await connection.fetchval("select current_schema()") == role
            for refused in (
                "select * from token.kept",
                "create table token.mine ()",
                "create table public.mine ()",
                "create schema mine",
                "create temp table mine ()",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(refused)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await asyncpg.connect(postgres.dsn(role).replace("/tessera?", "/postgres?"))
            await connection.close()


async def test_the_dsn_suits_dbmate_too(home: Home, tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    migration = "-- migrate:up\ncreate table made ();\n-- migrate:down\n"
    (tmp_path / "migrations" / "0001_made.sql").write_text(migration, encoding="utf-8")
    async with started(home) as postgres:
        dbmate = Path(sys.executable).with_name("dbmate")
        command = [dbmate, "--migrations-dir", str(tmp_path / "migrations"), "--no-dump-schema", "up"]
        process = await asyncio.create_subprocess_exec(*command, env={"DATABASE_URL": postgres.dsn("account")})
        assert await process.wait() == 0
        connection = await asyncpg.connect(postgres.dsn("account"))
        assert await connection.fetchval("select to_regclass('account.made')::text") == "made"
        await connection.close()


async def test_two_may_run_at_once(tmp_path: Path) -> None:
    async with started(Home(tmp_path / "one")) as one, started(Home(tmp_path / "two")) as two:
        await write(one, 1)
        await write(two, 2)
        assert (await read(one), await read(two)) == ([1], [2])


async def test_a_killed_one_comes_back_with_what_it_acknowledged(home: Home) -> None:
    told: list[str] = []
    async with started(home, told=told) as postgres:
        await write(postgres, 1)
        killed = postmaster(home)
        os.kill(killed, signal.SIGKILL)
        async with asyncio.timeout(20):
            while True:
                try:
                    assert await read(postgres) == [1]
                    break
                except (OSError, asyncpg.PostgresError):
                    await asyncio.sleep(0.05)
        assert postmaster(home) != killed
    assert "was ended by SIGKILL; starting it again" in told


async def test_a_killed_parent_takes_it_along_and_the_next_start_finds_the_data(home: Home) -> None:
    command = [sys.executable, "-c", PARENT, str(home.path)]
    parent = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout
    assert await parent.stdout.readline() == b"up\n"
    left = postmaster(home)
    parent.kill()
    await parent.wait()
    # At once, while the other one may be ending still.
    async with started(home) as postgres:
        await write(postgres, 1)
        assert postmaster(home) != left
        assert not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE
    await until(lambda: not (home.postgres / "postmaster.pid").exists())


async def test_one_that_was_left_running_is_ended(home: Home) -> None:
    async with started(home) as postgres:
        await write(postgres, 1)
    command = [*_as_owner(home.postgres), str(programs() / "postgres"), "-D", str(home.postgres)]
    options = ["-c", f"unix_socket_directories={home.run()}", "-c", "listen_addresses="]
    left = await asyncio.create_subprocess_exec(*command, *options, stderr=asyncio.subprocess.DEVNULL)
    await until((home.postgres / "postmaster.pid").exists)
    async with started(home) as postgres:
        assert await read(postgres) == [1]
        assert postmaster(home) != left.pid
    assert await asyncio.wait_for(left.wait(), 10) == 0


@pytest.mark.parametrize("pid", [str(os.getpid()), ""], ids=["another", "none"])
async def test_a_pid_file_of_another_process_or_of_none_is_no_obstacle(home: Home, pid: str) -> None:
    async with started(home):
        pass
    pid_file = home.postgres / "postmaster.pid"
    pid_file.write_text(f"{pid}\n{home.postgres}\n1\n5432\n{home.run()}\n\n  1  1\nready\n", encoding="ascii")
    owner = home.postgres.stat()
    os.chown(pid_file, owner.st_uid, owner.st_gid)
    async with started(home) as postgres:
        await write(postgres, 1)
        assert postmaster(home) != os.getpid()


async def test_a_first_start_that_was_interrupted_is_begun_anew(home: Home) -> None:
    (home.path / "postgres.new").mkdir()
    (home.path / "postgres.new" / "half").touch()
    async with started(home) as postgres:
        await write(postgres, 1)


async def test_works_where_the_socket_path_is_too_long(tmp_path: Path) -> None:
    home = Home(tmp_path / ("deep" * 25))
    async with started(home) as postgres:
        await write(postgres, 1)
        assert home.run().parent != home.path
    home.run().rmdir()


async def test_a_damaged_data_folder_is_one_line(home: Home) -> None:
    async with started(home):
        pass
    (home.postgres / "PG_VERSION").unlink()
    told: list[str] = []
    with pytest.raises(Exception, match="postgres ended with code 1"):
        async with started(home, told=told):
            pass
    assert any("not a valid data directory" in line for line in told)


async def test_data_of_another_version_is_one_line(home: Home) -> None:
    home.postgres.mkdir()
    (home.postgres / "PG_VERSION").write_text("17\n", encoding="ascii")
    with pytest.raises(CannotRun, match=rf"{home.postgres} is of Postgres 17, and this is 18: set TESSERA_HOME"):
        async with started(home):
            pass


async def test_settings_from_outside_win_over_ours(home: Home) -> None:
    async with started(home, "shared_buffers=64MB work_mem=5MB") as postgres:
        connection = await asyncpg.connect(postgres.dsn("binding"))
        assert [await connection.fetchval(f"show {name}") for name in ("shared_buffers", "work_mem")] == ["64MB", "5MB"]
        await connection.close()


@pytest.mark.parametrize("wrong", ["shared_buffers", "=3GB"])
def test_a_setting_that_is_none_is_one_line(home: Home, wrong: str) -> None:
    with pytest.raises(CannotRun, match=r"TESSERA_POSTGRES_SETTINGS: '.+' is not of the form name=value"):
        Postgres(home, os.environ, wrong)
