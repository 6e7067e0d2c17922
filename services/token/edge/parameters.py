"""Parameters of a query and a form, exactly as the gateway's `filters/form.lua` will read them for the service.

What was signed and what is served must not differ: a text that either side could read in another way is refused.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote, unquote_to_bytes

from services.runtime.errors import RequestMalformed
from services.token.edge.request import Request

# As the filter has it.
_MAX_PARAMETERS = 1000
_BROKEN = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MEDIA_TYPE = re.compile(rb"[ \t\n\v\f\r]*([^; \t\n\v\f\r]*)")
_FORM = b"application/x-www-form-urlencoded"
# RFC 3986 section 2.3; for all of ASCII, as a character that is looked for in vain takes longest.
_ESCAPED = {code: chr(code) if re.match(r"[A-Za-z0-9._~-]", chr(code)) else f"%{code:02X}" for code in range(128)}


def of_query(request: Request) -> dict[str, str]:
    """The query's parameters. Raises `RequestMalformed`."""
    return decode(request.query.encode())


def of_query_and_form(request: Request) -> dict[str, str]:
    """The parameters of the query, and of the body if it is a form. Raises `RequestMalformed`."""
    return decode(request.query.encode(), request.body if is_form(request) else b"")


def is_form(request: Request) -> bool:
    """Whether the body is a form."""
    # Not as text, of which more than the ASCII letters would become lower case.
    media_type = _MEDIA_TYPE.match(request.headers.get("content-type", "").encode().lower())
    return media_type is not None and media_type[1] == _FORM


def decode(*texts: bytes) -> dict[str, str]:
    """The parameters of some texts; one without "=" is empty.

    Raises:
        RequestMalformed: an escape is broken, something is no UTF-8, a name stands twice, or there are too many.
    """
    parameters: dict[str, str] = {}
    try:
        for text in texts:
            for piece in text.decode().replace("+", " ").split("&"):
                if not piece:
                    continue
                name, _, value = piece.partition("=")
                # Of dozens in a call most have no escape.
                if "%" in name:
                    name = _unescape(name)
                if "%" in value:
                    value = _unescape(value)
                if name in parameters:
                    raise RequestMalformed(detail="a parameter stands twice")
                parameters[name] = value
                if len(parameters) > _MAX_PARAMETERS:
                    raise RequestMalformed(detail="too many parameters")
    except UnicodeDecodeError as error:
        raise RequestMalformed(detail="no UTF-8") from error
    return parameters


def _unescape(text: str) -> str:
    if _BROKEN.search(text):
        raise RequestMalformed(detail="a broken escape")
    return unquote_to_bytes(text).decode()


def encode(text: str) -> str:
    """A text as the vendor's signatures escape it: RFC 3986, all but the unreserved characters."""
    if not text.isascii():
        return quote(text, safe="")
    # Most have nothing to escape, and there are dozens in each call.
    return text if text.isalnum() else text.translate(_ESCAPED)


def canonical(parameters: Iterable[tuple[str, str]]) -> str:
    """Parameters in the order of their names, escaped."""
    return "&".join([f"{encode(name)}={encode(value)}" for name, value in sorted(parameters)])


def encode_again(canonical_text: str) -> str:
    """Escape what `canonical` answered, which has three characters to escape."""
    return canonical_text.replace("%", "%25").replace("&", "%26").replace("=", "%3D")
