"""What a bearer is handed for something that is stored: its id, and a secret of 256 bits that is not."""

import base64
import secrets
from uuid import UUID

_SECRET_BYTES = 32
_ID_BYTES = 16


def new_bearer(identifier: UUID) -> tuple[str, bytes]:
    """A text for the bearer, in base64url, and the random secret in it."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    return base64.urlsafe_b64encode(identifier.bytes + secret).decode(), secret


def read_bearer(text: str) -> tuple[UUID, bytes] | None:
    """Id and secret of what a bearer brings; `None` where it is none."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return None
    if len(raw) != _ID_BYTES + _SECRET_BYTES:
        return None
    return UUID(bytes=raw[:_ID_BYTES]), raw[_ID_BYTES:]
