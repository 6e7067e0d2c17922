"""Hands codes to a program of the operator's own, which sends them as it likes."""

import hmac
import json
import ssl
import time

from services.account.senders import Message
from services.account.senders.posting import post
from services.runtime.errors import Unavailable

TIMESTAMP, SIGNATURE = "x-tessera-timestamp", "x-tessera-signature"


class WebhookSender:
    """Posts each code as JSON, signed.

    Args:
        url: https; plain http to this machine alone.
        secret: what the signature is made with; the other side has it, too.
    """

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret.encode()
        self._tls = ssl.create_default_context()

    def check(self, type_: str) -> None:
        """It is for the other side to say."""

    async def send(self, message: Message) -> None:
        """Hand a code over; any 2xx takes it. Raises `Unavailable`."""
        body = json.dumps(
            {
                "type": message.type,
                "address": message.address,
                "purpose": message.purpose,
                "code": message.code,
                "expires_in": message.minutes * 60,
                "language": message.language,
                "domain_id": message.domain_id,
            },
            separators=(",", ":"),
            ensure_ascii=False,
        ).encode()
        timestamp = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            TIMESTAMP: timestamp,
            SIGNATURE: f"sha256={signature(self._secret, timestamp, body)}",
        }
        answer = await post(self._url, self._tls, headers, body)
        if not 200 <= answer.status < 300:
            raise Unavailable("sender of codes", detail=f"the webhook answered {answer.status}")


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256, in hex, over the timestamp, a dot, and the body as it is sent."""
    return hmac.digest(secret, timestamp.encode() + b"." + body, "sha256").hex()
