"""The identities that bootstrap makes: the operator's and the services', as a folder with one file a value.

One file a value is what secrets come as where processes are run: mounted from a secret, and named by `TESSERA_…_FILE`.
"""

import dataclasses
import os
import re
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.runtime.files import write_private
from services.token.model import ID
from services.token.secret import new_id, new_secret

# Long enough to be out of reach of guessing where it is random; what no header and no form has to escape.
_SECRET = re.compile(r"[A-Za-z0-9._~-]{32,}")


class IdentityError(Exception):
    """A value is no good, or cannot be read or written; the text names it and never shows it."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Identities:
    """Who may call at the beginning. Each field is a file of the same name.

    Args:
        operator_client_id: the operator's identity, by which everything else is made.
        operator_client_secret: its secret.
        gateway_client_id: the gateway's identity.
        gateway_client_secret: its secret.
        account_client_id: the account service's identity.
        account_client_key: the private key that proves it: P-256, PKCS #8 in PEM.
    """

    operator_client_id: str
    operator_client_secret: str = dataclasses.field(repr=False)
    gateway_client_id: str
    gateway_client_secret: str = dataclasses.field(repr=False)
    account_client_id: str
    account_client_key: str = dataclasses.field(repr=False)

    @classmethod
    def make(cls) -> Self:
        """New ones, which nobody has."""
        return cls(**{name: _made(name) for name in _NAMES})

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Those of a folder that has all of them. Raises `IdentityError`."""
        return cls(**{name: _given(folder / name) for name in _NAMES}).checked()

    @classmethod
    def complete(cls, folder: Path) -> Self:
        """Those of a folder; what is not there is made and written (0600).

        A file that is there is only read, so the folder may be a mounted secret. Where this fails, what it has written
        stays, and the next try takes it.

        Raises:
            IdentityError: a file is no good, or one cannot be written.
        """
        for path in (folder / name for name in _NAMES):
            # A link that leads nowhere, as in a mounted secret that lacks a value, is there, and is not written over.
            if not os.path.lexists(path):
                try:
                    write_private(path, _made(path.name))
                except OSError as error:
                    raise IdentityError(f"{path}: {error.strerror}") from error
        return cls.read(folder)

    def checked(self) -> Self:
        """The same. Raises `IdentityError` where one is malformed, too easily guessed, or another's."""
        ids = [self.operator_client_id, self.gateway_client_id, self.account_client_id]
        if not all(ID.fullmatch(each) for each in ids):
            raise IdentityError("a client id is 1 to 64 letters, digits and . _ # -")
        if len(set(ids)) != len(ids):
            raise IdentityError("two identities have one client id")
        for secret in (self.operator_client_secret, self.gateway_client_secret):
            if not _SECRET.fullmatch(secret):
                raise IdentityError("a client secret is 32 or more letters, digits and . _ ~ -")
        self.account_public_key()
        return self

    def account_public_key(self) -> str:
        """The public half of the account service's key, in PEM. Raises `IdentityError` where that is no P-256 key."""
        try:
            key = serialization.load_pem_private_key(self.account_client_key.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise IdentityError("account_client_key is not a P-256 private key in PEM")
        public = serialization.PublicFormat.SubjectPublicKeyInfo
        return key.public_key().public_bytes(serialization.Encoding.PEM, public).decode()

    def as_json(self) -> dict[str, Any]:
        """As bootstrap prints them where it is given no folder."""
        return {
            "operator": {"client_id": self.operator_client_id, "client_secret": self.operator_client_secret},
            "account": {"client_id": self.account_client_id, "private_key_pem": self.account_client_key},
            "gateway": {"client_id": self.gateway_client_id, "client_secret": self.gateway_client_secret},
        }


_NAMES = tuple(field.name for field in dataclasses.fields(Identities))


def _made(name: str) -> str:
    if name.endswith("_id"):
        return new_id()
    if name.endswith("_secret"):
        return new_secret()
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
        .strip()
    )


def _given(path: Path) -> str:
    """What a file holds, without the line end that an editor leaves. Processes read their settings like this, too."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise IdentityError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise IdentityError(f"{path} is not text") from error
    if not text:
        raise IdentityError(f"{path} is empty")
    return text
