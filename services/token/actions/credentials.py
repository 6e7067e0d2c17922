"""New ids and secrets, and who may hand out which permission."""

import hashlib
import secrets
import string

from services.runtime.auth import Principal
from services.runtime.errors import PermissionDenied

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
    """What is kept of a secret that only has to be recognized."""
    return hashlib.sha256(secret.encode()).digest()


def check_permissions(caller: Principal, permissions: tuple[str, ...]) -> None:
    """Nobody gives what he does not have. Raises `PermissionDenied`."""
    if beyond := set(permissions) - caller.permissions:
        raise PermissionDenied(detail=f"{caller.kind} {caller.subject} does not hold {', '.join(sorted(beyond))}")
