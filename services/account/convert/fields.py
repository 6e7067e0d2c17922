"""Rules of the wire that several messages share."""

from typing import Any

from services.account.errors import ChangedMeanwhile
from services.runtime import etags
from services.runtime.auth import Principal
from services.runtime.errors import FieldInvalid
from services.runtime.requests import read_request
from services.runtime.validation import CONTROL, USER_ID


def checked_text(field: str, text: str, longest: int) -> str:
    """A text of at most `longest` characters, none of them a control character. Raises `FieldInvalid`."""
    if len(text) > longest or CONTROL.search(text):
        raise FieldInvalid(field)
    return text


def checked_user_id(text: str, field: str = "user_id") -> str:
    """A user's id. Raises `FieldInvalid`."""
    if not USER_ID.fullmatch(text):
        raise FieldInvalid(field)
    return text


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
