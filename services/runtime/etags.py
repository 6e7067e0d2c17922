"""Etags (AIP-154): the version of a row, in a form that nobody takes for a number to count with."""

import base64

_BYTES = 8


def write_etag(version: int) -> str:
    """The etag of a version."""
    return base64.urlsafe_b64encode(version.to_bytes(_BYTES)).rstrip(b"=").decode()


def read_etag(text: str) -> int | None:
    """The version that an etag shows; `None` of an empty one: none is meant. Raises `ValueError` for what is none."""
    if not text:
        return None
    raw = base64.b64decode(text + "=", altchars=b"-_", validate=True)
    if len(raw) != _BYTES:
        msg = "no etag"
        raise ValueError(msg)
    return int.from_bytes(raw)
