"""`python -m deploy.secrets FOLDER`: makes what the containers must be told and nobody else may know, a file a value.

| file | is |
|---|---|
| `master_key` | encrypts token's private keys and secrets at rest; what it encrypted is lost with it |
| `account_master_key` | encrypts account's secrets at rest, as that |
| `postgres_password` | of Postgres's superuser, where compose.yaml starts one |
| `token_password`, … | of each service's role |
| `token_dsn`, … | the address of its database, with that password |
| `operator_client_id`, … | the identities that bootstrap makes: `services/token/identities.py` |
| `tls/authority.crt`, `.key` | signs the certificates below; its key is for this program alone |
| `tls/gateway/`, `tls/token/`, … | of each process: `tls.crt`, `tls.key`, and `ca.crt`, whom it believes |

What is there stays. A DSN may be replaced by one's own; its password file is then of no use. So may certificates: where
every process has its three files, no authority is made. One that is deleted, with its key, is made anew.
"""

import argparse
import base64
import contextlib
import dataclasses
import fcntl
import os
import secrets
import stat
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

from tessera.client.certificates import AUTHORITIES, CHAIN, KEY, NAMES

from deploy.certificates import Issued, issue, make_authority
from services.runtime.files import write_private
from services.token.identities import Identities, IdentityError

SERVICES = ("token", "account", "binding")
# Those that have certificates; the operator calls the services' admin RPCs.
_CERTIFIED = ("gateway", *SERVICES, "operator")
_AUTHORITY_KEY = "authority.key"
_SSLMODES = ("disable", "require", "verify-ca", "verify-full")
# Compose hands a file over as it stands here, owner and mode included, to processes of another user: they must be able
# to read it. That nobody else does is the folder's matter, which only its owner may pass.
_FOLDER_MODE, _INNER_FOLDER_MODE, _FILE_MODE = 0o700, 0o755, 0o444


def main() -> int:
    """Make what is missing; answers the exit status."""
    arguments = _parser().parse_args()
    try:
        made = make(arguments.folder, host=arguments.host, port=arguments.port, sslmode=arguments.sslmode)
    except (OSError, ValueError, IdentityError) as error:
        print(f"secrets: {error}", file=sys.stderr)
        return 1
    print(f"{arguments.folder}: " + (f"made {', '.join(made)}" if made else "nothing was missing"))
    return 0


def make(folder: Path, *, host: str, port: int, sslmode: str | None) -> list[str]:
    """Make what is missing in a folder. Answers the names of what was made.

    Args:
        folder: made where it is not there; else nobody but its owner may pass it.
        host: of Postgres, as the services reach it.
        port: of Postgres.
        sslmode: what the services ask of the connection; nothing: TLS where Postgres has it.

    Raises:
        OSError: something cannot be read or written.
        ValueError: the authority that is there is no good.
        IdentityError: an identity that is there is no good.
    """
    with _alone(folder):
        before = _files(folder)
        _complete(folder, host, port, sslmode)
        _complete_certificates(folder / "tls")
        made = _files(folder) - before
        for path in _files(folder):
            # Also what an editor, or a run that was interrupted, left. What a link leads to is somebody else's.
            closed = not path.is_symlink() and not path.stat().st_mode & stat.S_IROTH
            if closed and path.name != _AUTHORITY_KEY:
                path.chmod(_FILE_MODE)
    # Of a process's certificate, the folder.
    return sorted({str((path if path.parent == folder else path.parent).relative_to(folder)) for path in made})


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.is_dir()}


def _complete(folder: Path, host: str, port: int, sslmode: str | None) -> None:
    def value(name: str, new: str) -> str:
        path = folder / name
        # A link that leads nowhere is there, too.
        if not os.path.lexists(path):
            write_private(path, new)
        if text := path.read_text(encoding="utf-8").strip():
            return text
        msg = f"{path} is empty"
        raise OSError(msg)

    for name in ("master_key", "account_master_key"):
        value(name, base64.b64encode(secrets.token_bytes(32)).decode())
    value("postgres_password", secrets.token_urlsafe(32))
    for service in SERVICES:
        password = value(f"{service}_password", secrets.token_urlsafe(32))
        query = f"?sslmode={sslmode}" if sslmode else ""
        value(f"{service}_dsn", f"postgresql://{service}:{quote(password, safe='')}@{host}:{port}/tessera{query}")
    Identities.complete(folder)


def _complete_certificates(folder: Path) -> None:
    folders = [folder / name for name in _CERTIFIED]
    if all(os.path.lexists(each / file) for each in folders for file in NAMES):
        return
    folder.mkdir(exist_ok=True)
    authority = _pair(folder / "authority.crt", folder / _AUTHORITY_KEY, make_authority)
    for each in folders:
        each.mkdir(exist_ok=True)
        each.chmod(_INNER_FOLDER_MODE)
        if not os.path.lexists(each / AUTHORITIES):
            write_private(each / AUTHORITIES, authority.certificate)
        _pair(each / CHAIN, each / KEY, partial(issue, authority, each.name))
    folder.chmod(_INNER_FOLDER_MODE)


def _pair(certificate: Path, key: Path, make: Callable[[], Issued]) -> Issued:
    """A certificate and its key, made where neither is there."""
    there = [os.path.lexists(path) for path in (certificate, key)]
    if not any(there):
        made = make()
        write_private(key, made.key)
        write_private(certificate, made.certificate)
    elif not all(there):
        msg = f"{certificate} and {key} go together, and one of them is not there"
        raise OSError(msg)
    return Issued(certificate.read_text(encoding="ascii"), key.read_text(encoding="ascii"))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The folder, and nobody else at it: two that make secrets at once would make a password and another's DSN."""
    folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    if stat.S_IMODE(folder.stat().st_mode) & ~_FOLDER_MODE:
        # Not made private here: it may be anything that was named by mistake.
        msg = f"{folder} is open to others: name a folder that is not there, or `chmod 700` this one"
        raise OSError(msg)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.secrets",
        description="Make the secrets that are missing in a private folder, one file a value: the master key, "
        "passwords and DSNs for Postgres, the identities "
        + ", ".join(field.name for field in dataclasses.fields(Identities))
        + ", and the certificates of gateway, services and operator, for a year. Nothing that is there is changed.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--host", default="postgres", help="of Postgres, as the services reach it [%(default)s]")
    parser.add_argument("--port", type=int, default=5432, help="of Postgres [%(default)s]")
    parser.add_argument("--sslmode", choices=_SSLMODES, help="what the DSNs ask for; absent: TLS where Postgres has it")
    return parser


if __name__ == "__main__":
    sys.exit(main())
