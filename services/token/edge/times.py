"""When a request says that it was signed, and how far from now that may be."""

import re
from datetime import datetime, timedelta
from functools import lru_cache

from services.token.errors import TimestampMalformed

WINDOW = timedelta(minutes=15)
"""How far from now an access key's signature may be, in either direction."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HTTP_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ([0-9]{2}) ("
    + "|".join(_MONTHS)
    + r") ([0-9]{4}) ([0-9]{2}:[0-9]{2}:[0-9]{2}) GMT"
)
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

# What comes at one time says one thing.
_remembered = lru_cache(maxsize=1_000)


@_remembered
def read_http_date(text: str) -> datetime:
    """`Sun, 22 Nov 2026 04:45:09 GMT` (RFC 9110 section 5.6.7). Raises `TimestampMalformed`."""
    found = _HTTP_DATE.fullmatch(text)
    if found is None:
        raise TimestampMalformed
    day, month, year, time = found.groups()
    return _moment(f"{year}-{_MONTHS.index(month) + 1:02}-{day}T{time}Z")


@_remembered
def read_iso(text: str) -> datetime:
    """`2026-11-22T04:45:09Z`. Raises `TimestampMalformed`."""
    if _ISO.fullmatch(text) is None:
        raise TimestampMalformed
    return _moment(text)


def _moment(iso: str) -> datetime:
    try:
        return datetime.fromisoformat(iso)
    except ValueError as error:
        raise TimestampMalformed from error
