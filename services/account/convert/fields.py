"""Rules of the wire that several messages share."""

from services.runtime.errors import FieldInvalid
from services.runtime.validation import CONTROL, USER_ID


def checked_text(field: str, text: str, longest: int) -> str:
    """A text of at most `longest` characters, none of them a control character. Raises `FieldInvalid`."""
    if len(text) > longest or CONTROL.search(text):
        raise FieldInvalid(field)
    return text


def checked_user_id(text: str) -> str:
    """A user's id. Raises `FieldInvalid`."""
    if not USER_ID.fullmatch(text):
        raise FieldInvalid("user_id")
    return text
