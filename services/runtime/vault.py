"""Encrypts at rest what must be recoverable: private keys, secrets that check signatures or are shown to others.

A sealed value is a version, the first bytes of the master key's SHA-256, a nonce, and AES-256-GCM's output. What it
belongs to is authenticated with it, so that a value moved to another row does not open.

What was erased leaves a pseudonym: an HMAC under a key of its own, derived from the master key.
"""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_MASTER_KEY_BYTES = 32
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_PSEUDONYMS = b"tessera/pseudonyms"


class MasterKey:
    """The key that encrypts what must be recoverable at rest: 32 bytes, written in base64."""

    def __init__(self, text: str) -> None:
        try:
            self.secret = base64.b64decode(text, validate=True)
        except ValueError:
            self.secret = b""
        if len(self.secret) != _MASTER_KEY_BYTES:
            msg = f"{_MASTER_KEY_BYTES} bytes in base64"
            raise ValueError(msg)

    def __repr__(self) -> str:
        return "MasterKey(...)"


class VaultError(Exception):
    """A sealed value does not open: another master key, another place, or damage."""


class Vault:
    """Seals and opens with one master key.

    Args:
        master_key: 32 bytes.
    """

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(master_key)
        self._pseudonyms = hmac.digest(master_key, _PSEUDONYMS, "sha256")
        self._head = _VERSION + hashlib.sha256(master_key).digest()[:_KEY_ID_BYTES]

    def seal(self, plain: bytes, place: str) -> bytes:
        """Encrypt a value for the one place, such as `bj1/<key id>`, that it will be read from."""
        nonce = os.urandom(_NONCE_BYTES)
        return self._head + nonce + self._cipher.encrypt(nonce, plain, place.encode())

    def fits(self, sealed: bytes) -> bool:
        """Whether a value was sealed with this master key. Says nothing of its place."""
        return sealed.startswith(self._head)

    def open(self, sealed: bytes, place: str) -> bytes:
        """Decrypt a value. Raises `VaultError`."""
        if not self.fits(sealed):
            msg = f"{place} is sealed with another master key"
            raise VaultError(msg)
        rest = sealed[len(self._head) :]
        try:
            return self._cipher.decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], place.encode())
        except InvalidTag as error:
            msg = f"{place} is damaged or was moved"
            raise VaultError(msg) from error

    def pseudonym(self, domain_id: str, user_id: str) -> str:
        """What stands for an erased user: the same each time, no user's id, not to be turned back without the key."""
        return "erased:" + hmac.digest(self._pseudonyms, f"{domain_id}/{user_id}".encode(), "sha256").hex()
