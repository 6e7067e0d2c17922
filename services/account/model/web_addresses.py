"""Addresses on the web that others name, and that browsers are sent to or shown."""

import re
from typing import Any, TypeGuard

_MAX_CHARS = 2000
# What browsers and libraries may read in different ways is none: no user, no backslash, no blank, and no character that
# RFC 3986 does not have. No fragment, which is nobody's but a browser's.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
    r"(?:[/?][A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*)?"
)


def is_web_address(value: Any, *, plain_http: bool = False) -> TypeGuard[str]:
    """Whether something is an address with https.

    Args:
        value: anything.
        plain_http: whether http will do, too.
    """
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) and len(value) <= _MAX_CHARS else None
    return match is not None and (plain_http or match["scheme"] == "https")
