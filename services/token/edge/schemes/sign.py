"""The headers AccessId, TimeStamp and Sign: HMAC-SHA256 over time, id and body, as push backends send them.

Nothing tells two requests of one second from each other but what they say, and the vendor has them both served. So the
internal token says when the request was signed and how, by which binding does one of it and not two.
"""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime

from services.token.edge.push_apps import WINDOW, refused, verify
from services.token.edge.request import Request
from services.token.edge.schemes.scheme import Caller
from services.token.resources import Resources

_SECONDS = re.compile(r"[0-9]{1,11}")


class Sign:
    """The vendor's signature of push backends."""

    name = "sign"

    def is_meant(self, request: Request) -> bool:
        """By the header `sign`, where there is no `authorization`."""
        return not request.headers.get("authorization") and "sign" in request.headers

    async def verify(self, resources: Resources, request: Request) -> Caller:
        """The push app that signed a request."""
        seconds, identifier = request.headers.get("timestamp", ""), request.headers.get("accessid", "")
        if not _SECONDS.fullmatch(seconds):
            raise refused("no time stamp")
        if abs(resources.clock.now() - datetime.fromtimestamp(int(seconds), UTC)) > WINDOW:
            raise refused("signed too long ago, or in the future")
        text, sent = seconds.encode() + identifier.encode() + request.body, request.headers["sign"]
        signed = {"at": int(seconds), "hash": hashlib.sha256(text).hexdigest()}
        return await verify(resources, request, identifier, lambda secret: (_sign(secret, text), sent), signed=signed)


def _sign(secret: bytes, text: bytes) -> str:
    # The vendor's page shows a shorter way, its examples go this one.
    return base64.b64encode(hmac.digest(secret, text, "sha256").hex().encode()).decode()
