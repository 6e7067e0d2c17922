"""What `acs` and ACS4 have in common: which parts of a request they sign, and how these are written."""

import re

from services.runtime.errors import RequestMalformed
from services.token.edge import parameters
from services.token.edge.request import Request
from services.token.errors import SignatureMethodInvalid, TimestampMissing

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def acs_headers(request: Request) -> list[tuple[str, str]]:
    """Headers of the vendor's in the order of their names.

    Their values as they came: were they trimmed here, a nonce with a blank behind it would be another one under the
    same signature.
    """
    # Not by `items`, which a message's map is slow in.
    headers = request.headers
    return [(name, headers[name]) for name in sorted([each for each in headers if each.startswith("x-acs-")])]


def header_lines(request: Request, headers: list[tuple[str, str]]) -> str:
    """Four headers by their place, empty where they are absent, then those of the vendor's. Each line ends."""
    get = request.headers.get
    fixed = f"{get('accept', '')}\n{get('content-md5', '')}\n{get('content-type', '')}\n{get('date', '')}\n"
    return fixed + "".join([f"{name}:{value}\n" for name, value in headers])


def resource(request: Request) -> str:
    """Path and query, of which the values stand unescaped.

    Raises:
        RequestMalformed: the query is not well-formed, or has a line of its own: it could pass for another header.
    """
    if not request.query:
        return request.path
    pairs = sorted(parameters.of_query(request).items())
    query = "&".join(f"{name}={value}" if value else name for name, value in pairs)
    if _CONTROL.search(query):
        raise RequestMalformed(detail="a control character in the query")
    return f"{request.path}?{query}" if query else request.path


def date(request: Request) -> str:
    """The header `date`, which the vendor wants. Raises `TimestampMissing`."""
    if text := request.headers.get("date"):
        return text
    raise TimestampMissing("The header date is missing.")


def check_method(request: Request, method: str, version: str) -> None:
    """See that a caller who names a way of signing names ours. Raises `SignatureMethodInvalid`."""
    said = (
        request.headers.get("x-acs-signature-method", method),
        request.headers.get("x-acs-signature-version", version),
    )
    if said != (method, version):
        raise SignatureMethodInvalid
