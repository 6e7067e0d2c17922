"""The data folder: private, used by one stack at a time, and what stands in it beside Postgres."""

import base64
import contextlib
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deploy.local.errors import CannotRun
from services.runtime import files

_KEY_BYTES = 32
# The kernel takes socket paths of 107 bytes, and this is the longest name that stands in the folder.
_LONGEST_FOLDER = 107 - len("/.s.PGSQL.5432")


class Home:
    """Where a stack's data stands.

    Args:
        path: the folder. It is made, but not its parents' rights changed.

    Raises:
        CannotRun: it cannot be made or written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        with _named(self.path):
            _private(self.path)
            for folder in ("identities", "log", "state"):
                _private(self.path / folder)

    @property
    def identities(self) -> Path:
        """The folder of the service identities and the operator's, as `services.token bootstrap` has it."""
        return self.path / "identities"

    @property
    def demo(self) -> Path:
        """The demo domain's ids and credentials."""
        return self.path / "demo.json"

    @property
    def key(self) -> Path:
        """The master key: what is encrypted at rest is, by it."""
        return self.path / "key"

    @property
    def postgres(self) -> Path:
        """Postgres's data."""
        return self.path / "postgres"

    @property
    def log(self) -> Path:
        """Log files: Postgres's, one a weekday, and the gateway's accesses since the last start."""
        return self.path / "log"

    def state(self, process: str) -> Path:
        """The folder that a process keeps its own files in."""
        folder = self.path / "state" / process
        with _named(folder):
            _private(folder)
        return folder

    def identity(self, name: str) -> Path:
        """The file of one of the identities' values.

        Raises:
            CannotRun: it is not there. The database, which knows it, cannot be used without.
        """
        file = self.identities / name
        if not file.exists():
            raise CannotRun(f"{file} is missing: put it back, or begin anew without {self.path}")
        return file

    def operator(self) -> tuple[str, str]:
        """Id and secret of the operator's identity. Raises `CannotRun`."""
        client_id, client_secret = (self.identity(f"operator_{name}") for name in ("client_id", "client_secret"))
        return client_id.read_text(encoding="ascii").strip(), client_secret.read_text(encoding="ascii").strip()

    def run(self) -> Path:
        """The folder of Unix sockets: `run`, or one in the temporary folder where that path is too long for a socket.

        Raises:
            CannotRun: there is no folder that serves.
        """
        folder = self.path / "run"
        if len(os.fsencode(folder)) <= _LONGEST_FOLDER:
            with _named(folder):
                _private(folder)
            return folder
        # The same at every start, so that what a killed stack left there is found again.
        name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        folder = Path(tempfile.gettempdir()) / f"tessera-{os.getuid()}-{name}"
        if len(os.fsencode(folder)) > _LONGEST_FOLDER:
            raise CannotRun(f"{self.path} and {folder} are too long for Unix sockets: set TESSERA_HOME or TMPDIR")
        with _named(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
        # In a shared folder somebody else may have been first, with a folder or a link of their own.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise CannotRun(f"{folder} is not a private folder of this user's: set TESSERA_HOME to a shorter path")
        return folder

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other stacks out. The kernel lets go of the lock when this process ends, however it does.

        Raises:
            CannotRun: another stack holds it.
        """
        path = self.path / "lock"
        with _named(path):
            file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+", encoding="ascii")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = file.read().strip() or "unknown"
                msg = f"{self.path} is in use by process {holder}: stop that one, or set TESSERA_HOME to another folder"
                raise CannotRun(msg) from None
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield

    def make_key(self) -> None:
        """Make the master key where there is none.

        Raises:
            CannotRun: there is a database already, whose secrets only the lost key opens.
        """
        if self.key.exists():
            return
        if self.postgres.exists():
            raise CannotRun(f"{self.key} is missing, and {self.postgres} cannot be read without it: put it back")
        write_private(self.key, base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode() + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file (0600) at once. Raises `CannotRun` where it cannot be."""
    with _named(path):
        files.write_private(path, text)


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) != stat.S_IRWXU:
        folder.chmod(stat.S_IRWXU)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn what the system says of `path` into one line."""
    try:
        yield
    except OSError as error:
        raise CannotRun(f"cannot use {path}: {error.strerror}; TESSERA_HOME names another folder") from error
