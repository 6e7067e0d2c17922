"""Answers of user systems, read with distrust: what is not as it is documented proves nobody.

Nothing of an answer reaches an error or a log but codes of errors: the rest may be a token, or about a person.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode

from services.account.errors import LogonRefused
from services.account.providers.fetch import Answer, FetchError, Reach, request_json
from services.runtime.errors import Unavailable
from services.runtime.validation import CONTROL

LOGON_SECONDS = 8.0
"""How long a user system may take over one person, whatever it is asked: less than the gateway gives a call."""
MAX_CODE_CHARS = 512
"""Of an authorization code: the most that WeCom documents, and more than the others have."""
MAX_NAME_CHARS = 128
MAX_AVATAR_CHARS = 1024

_VISIBLE = re.compile(r"[!-~]+")
_ERROR_CODE = re.compile(r"[A-Za-z0-9._-]{1,100}")
# Controls, and halves of surrogate pairs, which JSON can spell and no text of ours can hold.
_UNFIT = re.compile(CONTROL.pattern + "|[\ud800-\udfff]")


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


def error_code(value: object) -> str:
    """A code of an error, as it may be logged."""
    text = str(value) if isinstance(value, str | int) else ""
    return text if _ERROR_CODE.fullmatch(text) else "of no known form"


def name_of(value: object) -> str:
    """What a person is called, as it may be kept and shown; empty where it is no name."""
    return _UNFIT.sub("", value).strip()[:MAX_NAME_CHARS] if isinstance(value, str) else ""


def avatar_of(value: object) -> str:
    """The https URL of a picture; empty where it is none."""
    url = visible(value, MAX_AVATAR_CHARS)
    return url if url and re.match(r"https://[A-Za-z0-9]", url) else ""
