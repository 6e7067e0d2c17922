"""Version 1.0 of the signature in the vendor's RPC style: HMAC-SHA1 over all parameters of query and form.

Host, path and headers are not covered. What has a meaning to the service is: method and parameters.
"""

import base64
import hmac

from services.token.edge import parameters
from services.token.edge.access_keys import RPC, Signed, verify
from services.token.edge.request import Request
from services.token.edge.schemes.acs3 import action_path
from services.token.edge.schemes.scheme import Caller
from services.token.edge.times import read_iso
from services.token.errors import (
    AccessKeyIdMissing,
    SignatureIncomplete,
    SignatureMethodInvalid,
    SignatureMissing,
    SignatureNonceMissing,
    SignatureVersionMissing,
    TimestampMissing,
    TokenRefusal,
)
from services.token.resources import Resources

_NAME = "signature-1.0"
# In the order in which they are missed. SignatureMethod is not: the vendor's gateway does without.
_MANDATORY: tuple[tuple[str, type[TokenRefusal]], ...] = (
    ("AccessKeyId", AccessKeyIdMissing),
    ("Signature", SignatureMissing),
    ("SignatureVersion", SignatureVersionMissing),
    ("SignatureNonce", SignatureNonceMissing),
    ("Timestamp", TimestampMissing),
)


class Signature:
    """Version 1.0 of the RPC style's signature."""

    name = _NAME

    def is_meant(self, request: Request) -> bool:
        """By nothing in the header `authorization`: who brings neither learns what is missing."""
        return not request.headers.get("authorization")

    async def verify(self, resources: Resources, request: Request) -> Caller:
        """The access key that signed a request."""
        return await verify(resources, request, self.read(request), RPC)

    @staticmethod
    def read(request: Request) -> Signed:
        """What a request says of its signature. Raises `TokenRefusal`, `RequestMalformed`."""
        sent = parameters.of_query_and_form(request)
        for name, missing in _MANDATORY:
            if not sent.get(name):
                raise missing
        if sent.get("SignatureMethod", "HMAC-SHA1") != "HMAC-SHA1" or sent.get("SignatureType"):
            raise SignatureMethodInvalid
        if sent["SignatureVersion"] != "1.0":
            raise SignatureIncomplete(detail="another version")
        signed_at = read_iso(sent["Timestamp"])
        canonical = parameters.canonical((name, value) for name, value in sent.items() if name != "Signature")
        return Signed(
            scheme=_NAME,
            key_id=sent["AccessKeyId"],
            signed_at=signed_at,
            nonce=sent["SignatureNonce"],
            signature=sent["Signature"],
            # The path is always the same.
            to_sign=f"{request.method}&%2F&{parameters.encode_again(canonical)}",
            sign=_sign,
            path=action_path(sent.get("Action", "")),
        )


def _sign(secret: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.digest(secret + b"&", text, "sha1")).decode()
