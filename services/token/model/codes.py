"""Authorization codes, and the PKCE that binds them."""

import base64
import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import datetime

# RFC 7636 section 4.1, and what S256 makes of it.
CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")

CODE_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A code about to be handed out.

    `code_hash` is SHA-256 of its secret; `authenticated_at`: when the user was proven; `browser_id`: account's id of
    the browser in which the user is logged on; absent: in none.
    """

    domain_id: str
    code_id: uuid.UUID
    code_hash: bytes
    client_id: str
    redirect_uri: str
    user_id: str
    scopes: tuple[str, ...]
    code_challenge: str | None
    nonce: str
    device_id: str
    device_name: str
    expires_at: datetime
    authenticated_at: datetime
    browser_id: uuid.UUID | None


def code_challenge(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
