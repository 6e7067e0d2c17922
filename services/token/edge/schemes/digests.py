"""Digests of the body that a request's headers tell."""

import base64
import hashlib

from services.token.edge.request import Request
from services.token.errors import DigestMismatched


def check_md5(request: Request) -> None:
    """Compare the body with `content-md5` (RFC 1864), where that was sent. Raises `DigestMismatched`."""
    sent = request.headers.get("content-md5")
    if sent is None:
        return
    # Against damage, not against anybody: that is what the header is for.
    digest = hashlib.md5(request.body, usedforsecurity=False).digest()
    if sent != base64.b64encode(digest).decode():
        raise DigestMismatched


def body_sha256(request: Request) -> str:
    """SHA-256 of the body in hexadecimal, as `x-acs-content-sha256` tells it, too, where that was sent.

    Raises:
        DigestMismatched: it tells another.
    """
    digest = hashlib.sha256(request.body).hexdigest()
    if request.headers.get("x-acs-content-sha256", digest) != digest:
        raise DigestMismatched
    return digest
