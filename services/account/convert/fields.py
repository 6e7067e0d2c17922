"""Rules of the wire that several messages share."""

from typing import Any

from services.account.errors import ChangedMeanwhile
from services.runtime import etags
from services.runtime.auth import Principal
from services.runtime.requests import read_request


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
