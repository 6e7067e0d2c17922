"""`ACS4-HMAC-SHA256`: over method, path, headers and body, with a key derived of the date, as newer clients send it.

Their date is the first ten characters of the header `date`, such as `Sun, 22 No`: with a comma, by which nothing here
is divided.
"""

import hashlib
import hmac
import re
from functools import lru_cache

from services.token.edge.access_keys import PDS, Signed, verify
from services.token.edge.request import Request
from services.token.edge.schemes import pds_canonical
from services.token.edge.schemes.digests import body_sha256, check_md5
from services.token.edge.schemes.scheme import Caller
from services.token.edge.times import read_http_date
from services.token.errors import SignatureIncomplete, SignatureNonceMissing
from services.token.resources import Resources

_NAME = "ACS4-HMAC-SHA256"
_DATE_CHARS = 10
_CREDENTIAL = re.compile(
    r"Credential=(?P<key>[A-Za-z0-9._-]{1,64})/(?P<date>[^/]{10})/(?P<region>[a-z0-9-]{1,64})/pds/aliyun_v4_request,"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+),Signature=(?P<signature>[0-9a-f]{64})"
)


class Acs4:
    """ACS4-HMAC-SHA256."""

    name = _NAME

    def is_meant(self, request: Request) -> bool:
        """By the header `authorization`."""
        return request.scheme == _NAME.lower()

    async def verify(self, resources: Resources, request: Request) -> Caller:
        """The access key that signed a request."""
        return await verify(resources, request, self.read(request), PDS)

    @staticmethod
    def read(request: Request) -> Signed:
        """What a request says of its signature. Raises `TokenRefusal`, `RequestMalformed`."""
        found = _CREDENTIAL.fullmatch(request.credential)
        headers = pds_canonical.acs_headers(request)
        names = ";".join([name for name, _ in headers])
        date = pds_canonical.date(request)
        signed_at = read_http_date(date)
        if found is None or found["date"] != date[:_DATE_CHARS] or found["headers"] != names:
            raise SignatureIncomplete
        nonce = request.headers.get("x-acs-signature-nonce", "")
        if not nonce:
            raise SignatureNonceMissing("The header x-acs-signature-nonce is missing.")
        check_md5(request)
        lines = pds_canonical.header_lines(request, headers)
        canonical = (
            f"{request.method}\n{pds_canonical.resource(request)}\n{lines}\n{names}\n{body_sha256(request)}".encode()
        )
        scope = (found["date"], found["region"], "pds", "aliyun_v4_request")
        return Signed(
            scheme=_NAME,
            key_id=found["key"],
            signed_at=signed_at,
            nonce=nonce,
            signature=found["signature"],
            to_sign=f"{_NAME}\n{hashlib.sha256(canonical).hexdigest()}",
            sign=lambda secret, text: hmac.digest(_derived(found["key"], secret, scope), text, "sha256").hex(),
            path=request.path,
        )


# Of an access key and a day there is one, and to derive it takes four times what it takes to sign. It is kept by the id
# that was sent, also where nobody has that: whoever asks twice does not learn by the time whether somebody does.
@lru_cache(maxsize=10_000)
def _derived(_key_id: str, secret: bytes, scope: tuple[str, ...]) -> bytes:
    key = b"aliyun_v4" + secret
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return key
