"""Encrypts at rest what must be recoverable: private keys, secrets that check signatures.

A sealed value is a version, the first bytes of the master key's SHA-256, a nonce, and AES-256-GCM's output. What it
belongs to is authenticated with it, so that a value moved to another row does not open.
"""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
# What the key of pseudonyms is for, so that it is no other key that is made of the master key.
_PSEUDONYMS = b"tessera pseudonyms"


class VaultError(Exception):
    """A sealed value does not open: another master key, another place, or damage."""


class Vault:
    """Seals and opens with one master key.

    Args:
        master_key: 32 bytes.
    """

    def __init__(self, master_key: bytes) -> None:
        self._cipher = AESGCM(master_key)
        self._pseudonyms = hmac.digest(master_key, _PSEUDONYMS, hashlib.sha256)
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
        """What stands for an erased user: always the same, and nobody without the master key can tell whose it is.

        Returns:
            HMAC-SHA-256 in base64url, 43 characters.
        """
        # No id of a domain has a NUL in it: the two cannot be cut in another place.
        digest = hmac.digest(self._pseudonyms, f"{domain_id}\0{user_id}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
