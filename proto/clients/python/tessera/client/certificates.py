"""Certificates in a folder, read again when they are replaced: by cert-manager, by an agent of SPIFFE, or by hand."""

import re
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

AUTHORITIES, CHAIN, KEY = NAMES = ("ca.crt", "tls.crt", "tls.key")
"""The files, by the names that Kubernetes and cert-manager give them."""
_BEGINNING = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----")


@dataclass(frozen=True)
class Certificates:
    """What a caller proves itself with, and whom it believes.

    Args:
        folder: holds `tls.crt`, the caller's certificate with its chain, `tls.key`, its key, and `ca.crt`, the
            authorities of those who are called, all in PEM. A call that begins after they were replaced goes by the new
            ones; files that do not fit together are passed over until they do.
        server: the host name in the certificate of who is called: `token`, `account` or `binding`.
    """

    folder: Path
    server: str


@dataclass(frozen=True)
class Pems:
    """The content of the three files."""

    authorities: bytes
    chain: bytes
    key: bytes


class Watched:
    """A folder of certificates, and whether it has changed.

    Raises:
        OSError: a file cannot be read.
        ValueError: what is read is no certificate, or not the key's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = [folder / name for name in NAMES]
        self._stamp = self._look()
        self.pems = self._read()

    def renewed(self) -> Pems | None:
        """What is there now, where it is not what was read last. Raises as the class; then it is looked at again."""
        stamp = self._look()
        if stamp == self._stamp:
            return None
        self.pems = self._read()
        self._stamp = stamp
        return self.pems

    def _look(self) -> tuple[tuple[int, int, int], ...]:
        """Another one than before after any file was replaced or written."""
        files = (file.stat() for file in self._files)
        return tuple((file.st_ino, file.st_mtime_ns, file.st_size) for file in files)

    def _read(self) -> Pems:
        pems = Pems(*(file.read_bytes() for file in self._files))
        self._whole(AUTHORITIES, pems.authorities)
        certified = self._whole(CHAIN, pems.chain)[0].public_key()
        try:
            key = load_pem_private_key(pems.key, password=None).public_key()
        except (TypeError, UnsupportedAlgorithm) as error:
            # It has a password, which nobody is there to give; or is of a kind that is not used.
            raise ValueError(f"{self._folder}: {KEY}: {error}") from error
        form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if key.public_bytes(*form) != certified.public_bytes(*form):
            raise ValueError(f"{self._folder}: {KEY} is not the key of {CHAIN}")
        return pems

    def _whole(self, name: str, pem: bytes) -> list[x509.Certificate]:
        """The certificates in a file. Where it is written in place, the last may be there by half."""
        certificates = x509.load_pem_x509_certificates(pem)
        if len(certificates) != len(_BEGINNING.findall(pem)):
            raise ValueError(f"{self._folder}: {name} is there by half")
        return certificates
