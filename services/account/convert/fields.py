"""Rules of the wire that several messages share."""

from typing import Any
from urllib.parse import urlsplit

from services.account.errors import ChangedMeanwhile
from services.runtime import etags
from services.runtime.auth import Principal
from services.runtime.errors import FieldInvalid
from services.runtime.requests import read_request

_MAX_URL = 2048


def read_etag(text: str) -> int | None:
    """The version that an etag shows; `None` where none is meant. Raises `ChangedMeanwhile` for what is no etag."""
    try:
        return etags.read_etag(text)
    except ValueError as error:
        raise ChangedMeanwhile(detail="no etag") from error


def read_call(message: Any, caller: Principal) -> bytes | None:
    """What tells a call that is made again: a digest of its id and content; `None` where it brought no id."""
    read = read_request(message, caller.responsible)
    return read[0].bytes + read[1] if read else None


def read_url(field: str, text: str, schemes: tuple[str, ...] = ("https", "http"), longest: int = _MAX_URL) -> str:
    """An absolute URL that is read one way alone; may be empty. Raises `FieldInvalid`."""
    if not text:
        return text
    well_formed = len(text) <= longest and text.isascii() and text.isprintable() and not set(" #\\@") & set(text)
    try:
        parts = urlsplit(text)
        well_formed = well_formed and parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        well_formed = False
    if not well_formed:
        raise FieldInvalid(field)
    return text
