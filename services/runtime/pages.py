"""Pages of a listing (AIP-158): how many rows, and where the next ones begin.

A page token says after which row to go on, and of which query. It is what a stranger sends: bounded, read part by part,
its parts go to the database as parameters and never as text. It opens nothing, since every page is asked for with a
credential and shows what that may see; so it is not signed.
"""

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from services.runtime.errors import FieldInvalid
from services.runtime.validation import CONTROL

DEFAULT_SIZE = 50
MAX_SIZE = 1000

# A key of 255 characters of four bytes each, with what else is in it.
_MAX_TOKEN_CHARS = 2048
_FINGERPRINT_BYTES = 12
_BIGINT = 2**63


def page_size(asked: int, *, default: int = DEFAULT_SIZE, most: int = MAX_SIZE) -> int:
    """Rows of a page: 0 asks for the default, more than the most gets the most. Raises `FieldInvalid` below 0."""
    if asked < 0:
        raise FieldInvalid("page_size")
    return min(asked or default, most)


def write_page_token(query: tuple[object, ...], *key: object) -> str:
    """A token for the rows after a key.

    Args:
        query: what was asked, but for the size of its pages: the RPC, the domain, each filter.
        key: the last row's place in the order of the listing; `str()` of each part must be one line.
    """
    text = "\n".join(map(str, key)).encode()
    return base64.urlsafe_b64encode(_fingerprint(query) + text).rstrip(b"=").decode()


def read_page_token(text: str, query: tuple[object, ...], *parts: Callable[[str], Any]) -> tuple[Any, ...] | None:
    """The key after which a page begins; `None` of an empty token: the first page.

    Args:
        text: as it was sent.
        query: as `write_page_token` was told.
        parts: read each part of the key, and raise `ValueError` for what is none: `str`, `UUID`, `bigint`.

    Raises:
        FieldInvalid: it is not ours, or of another query.
    """
    if not text:
        return None
    try:
        lines = _lines(text, _fingerprint(query))
        return tuple(read(line) for read, line in zip(parts, lines, strict=True))
    except ValueError as error:
        raise FieldInvalid("page_token") from error


def bigint(text: str) -> int:
    """A number as Postgres' bigint holds it. Raises `ValueError`."""
    number = int(text)
    if not -_BIGINT <= number < _BIGINT:
        raise ValueError
    return number


def _fingerprint(query: tuple[object, ...]) -> bytes:
    return hashlib.sha256(repr(query).encode()).digest()[:_FINGERPRINT_BYTES]


def _lines(text: str, fingerprint: bytes) -> list[str]:
    """The parts of a key as a token has them. Raises `ValueError` where it is none of that query."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    lines = raw[_FINGERPRINT_BYTES:].decode().split("\n")
    if len(text) > _MAX_TOKEN_CHARS or raw[:_FINGERPRINT_BYTES] != fingerprint or any(map(CONTROL.search, lines)):
        raise ValueError
    return lines
