"""Answers of user systems, read with distrust: what is not as it is documented proves nobody.

Nothing of an answer reaches an error or a log but codes of errors: the rest may be a token, or about a person.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

from services.account.connectors.strangers import error_code
from services.account.errors import LogonRefused
from services.account.providers.fetch import Answer, FetchError, Reach, request_json
from services.runtime.errors import Unavailable

LOGON_SECONDS = 8.0
"""How long a user system may take over one person, whatever it is asked: less than the gateway gives a call."""
MAX_CODE_CHARS = 512
"""Of an authorization code: the most that WeCom documents, and more than the others have."""

_VISIBLE = re.compile(r"[!-~]+")


def address(page: str, query: Mapping[str, str]) -> str:
    """The address of a page with a query, its parameters in the order in which they are given."""
    return f"{page}?{urlencode(query, quote_via=quote, safe='')}"


@asynccontextmanager
async def in_time() -> AsyncIterator[None]:
    """See that all that is asked about one person is answered in time. Raises `Unavailable`."""
    try:
        async with asyncio.timeout(LOGON_SECONDS):
            yield
    except TimeoutError:
        raise Unavailable("provider", detail=f"no answers within {LOGON_SECONDS} s") from None


async def ask(
    method: str, url: str, reach: Reach, *, json: Any = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Ask a user system, as `request_json` does.

    Raises:
        Unavailable: there is no answer; its detail has host and path alone.
    """
    try:
        return await request_json(method, url, reach, json=json, headers=headers)
    except FetchError as error:
        raise Unavailable("provider", detail=str(error)) from None


def code_of(answer: Mapping[str, str], name: str) -> str:
    """The authorization code that a browser brought back.

    Raises:
        LogonRefused: it brought an error, or none that could be one.
    """
    if error := answer.get("error"):
        key = "cancelled" if error == "access_denied" else "refused"
        raise LogonRefused(key, detail=f"error {error_code(error)}")
    code = answer.get(name, "")
    if not code:
        # Who is asked for consent and gives none is sent back without a code.
        raise LogonRefused("cancelled", detail=f"no {name}")
    if visible(code, MAX_CODE_CHARS) is None:
        raise LogonRefused("refused", detail=f"{name} is no code")
    return code


def fields_of(answer: Answer) -> Mapping[str, Any]:
    """The JSON object that was answered; empty where it is none."""
    return answer.body if isinstance(answer.body, dict) else {}


def visible(value: object, longest: int) -> str | None:
    """An id, a code or a token: visible ASCII, of at most so many characters. `None`: it is none."""
    if isinstance(value, str) and len(value) <= longest and _VISIBLE.fullmatch(value):
        return value
    return None
