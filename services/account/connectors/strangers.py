"""What user systems say, fit to be kept, shown and logged: they are strangers, and so is who chose a name there."""

import re

from services.account.model.web_addresses import is_web_address

MAX_NAME_CHARS = 128
MAX_PICTURE_CHARS = 1024

_ERROR_CODE = re.compile(r"[A-Za-z0-9._-]{1,100}")
_NOT_PLAIN = re.compile(r"[^ -~]")


def name_of(value: object) -> str:
    """What a person is called; empty where it is no name.

    What cannot be seen is a blank: controls, halves of surrogate pairs, and what turns the direction of a text.
    """
    if not isinstance(value, str):
        return ""
    return " ".join("".join(each if each.isprintable() else " " for each in value).split())[:MAX_NAME_CHARS]


def picture_of(value: object) -> str:
    """The https URL of a picture; empty where there is none that a page may show."""
    return value if is_web_address(value) and len(value) <= MAX_PICTURE_CHARS else ""


def error_code(value: object) -> str:
    """A code of an error; what is none may be a token, or about a person."""
    text = str(value) if isinstance(value, str | int) else ""
    return text if _ERROR_CODE.fullmatch(text) else "of no known form"


def plain(value: object) -> str:
    """A short line of ASCII; empty where it is no text."""
    return _NOT_PLAIN.sub("?", value)[:100] if isinstance(value, str) else ""
