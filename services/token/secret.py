"""Ids and secrets of apps, access keys and push apps: how they are made, and what is kept of a secret."""

import hashlib
import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
_ID_CHARS = 20
_SECRET_BYTES = 32


def new_id() -> str:
    """An id that nobody has: 119 random bits in letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_CHARS))


def new_secret() -> str:
    """A secret of 256 random bits: nothing that a slow hash would have to protect."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def hash_secret(secret: str) -> bytes:
    """SHA-256: what is kept of a secret that only has to be recognized."""
    return hashlib.sha256(secret.encode()).digest()
