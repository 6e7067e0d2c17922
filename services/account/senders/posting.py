"""A request over HTTP to a server that the operator of this service named."""

import asyncio
import ssl
from dataclasses import dataclass

import httpx

from services.runtime.errors import Unavailable

SECONDS = 5.0
"""How long a message may take to be on its way."""
_MAX_BYTES = 64 * 1024
# Before these, nothing was sent: what is sent once more cannot arrive twice.
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)


@dataclass(frozen=True, slots=True)
class Answer:
    """Of HTTP: its status, and the beginning of its body."""

    status: int
    body: bytes


async def post(url: str, tls: ssl.SSLContext, headers: dict[str, str], content: bytes) -> Answer:
    """Post a request; once more where no connection was had, and never otherwise. No redirect is followed.

    Raises:
        Unavailable: no answer came in time.
    """
    try:
        async with asyncio.timeout(SECONDS):
            try:
                return await _post(url, tls, headers, content)
            except _NOT_CONNECTED:
                return await _post(url, tls, headers, content)
    except (httpx.HTTPError, OSError) as error:
        # Texts of others than these may quote what was sent.
        text = f": {error}" if isinstance(error, (*_NOT_CONNECTED, OSError)) else ""
        detail = f"{httpx.URL(url).host}: {type(error).__name__}{text}"
        raise Unavailable("sender of codes", detail=detail) from None


async def _post(url: str, tls: ssl.SSLContext, headers: dict[str, str], content: bytes) -> Answer:
    async with (
        httpx.AsyncClient(verify=tls, trust_env=False, follow_redirects=False, timeout=SECONDS) as client,
        client.stream("POST", url, headers=headers, content=content) as answer,
    ):
        body = bytearray()
        async for part in answer.aiter_raw():
            body += part
            if len(body) > _MAX_BYTES:
                break
        return Answer(answer.status_code, bytes(body[:_MAX_BYTES]))
