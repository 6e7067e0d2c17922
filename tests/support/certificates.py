"""Folders of certificates, as processes are handed them."""

from datetime import timedelta
from pathlib import Path

from deploy.certificates import LIFETIME, Issued, issue
from services.runtime.files import write_private


def certified(folder: Path, authority: Issued, name: str, *believed: Issued, lifetime: timedelta = LIFETIME) -> Path:
    """Fill a folder, or replace what is in it, each file in one step.

    Args:
        folder: made where it is not there.
        authority: signs the certificate.
        name: of the process.
        believed: further authorities than that one.
        lifetime: of the certificate.
    """
    folder.mkdir(parents=True, exist_ok=True)
    believe(folder, authority, *believed)
    own = issue(authority, name, lifetime)
    write_private(folder / "tls.key", own.key)
    write_private(folder / "tls.crt", own.certificate)
    return folder


def believe(folder: Path, *authorities: Issued) -> None:
    """Say whose certificates are believed."""
    write_private(folder / "ca.crt", "".join(each.certificate for each in authorities))
