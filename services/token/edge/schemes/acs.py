"""`acs AccessKeyId:signature`: HMAC-SHA1 over method, headers and path, as the vendor's clients send it by default.

It does not cover the body. So it is good once, for a quarter of an hour; and a key may refuse it.
"""

import base64
import hmac
import re

from services.token.edge.access_keys import ACS, PDS, Signed, verify
from services.token.edge.request import Request
from services.token.edge.schemes import pds_canonical
from services.token.edge.schemes.digests import check_md5
from services.token.edge.schemes.scheme import Caller
from services.token.edge.times import read_http_date
from services.token.errors import SignatureIncomplete
from services.token.resources import Resources

_CREDENTIAL = re.compile(r"([A-Za-z0-9._-]{1,64}):([A-Za-z0-9+/]{27}=)")


class Acs:
    """`acs`."""

    name = ACS

    def is_meant(self, request: Request) -> bool:
        """By the header `authorization`."""
        return request.scheme == ACS

    async def verify(self, resources: Resources, request: Request) -> Caller:
        """The access key that signed a request."""
        return await verify(resources, request, self.read(request), PDS)

    @staticmethod
    def read(request: Request) -> Signed:
        """What a request says of its signature. Raises `TokenRefusal`, `RequestMalformed`."""
        found = _CREDENTIAL.fullmatch(request.credential)
        if found is None:
            raise SignatureIncomplete
        pds_canonical.check_method(request, "HMAC-SHA1", "1.0")
        check_md5(request)
        date = pds_canonical.date(request)
        lines = pds_canonical.header_lines(request, pds_canonical.acs_headers(request))
        return Signed(
            scheme=ACS,
            key_id=found[1],
            signed_at=read_http_date(date),
            # Older clients send none.
            nonce=request.headers.get("x-acs-signature-nonce", ""),
            signature=found[2],
            to_sign=f"{request.method}\n{lines}{pds_canonical.resource(request)}",
            sign=_sign,
            path=request.path,
        )


def _sign(secret: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, text, "sha1")).decode()
