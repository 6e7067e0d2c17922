"""`ACS3-HMAC-SHA256`: over method, path, query, headers that the caller lists, and body; on /v2 and in the RPC style.

Whatever of a request has a meaning here has to be among the listed headers: its host, the type of its body, and what is
the vendor's own.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping

from services.runtime.errors import RequestMalformed
from services.token.edge import parameters
from services.token.edge.access_keys import RPC, Signed, Words, verify
from services.token.edge.request import Request
from services.token.edge.schemes.digests import body_sha256
from services.token.edge.schemes.scheme import Caller
from services.token.edge.times import read_iso
from services.token.errors import SignatureIncomplete, SignatureNonceMissing, TimestampMissing
from services.token.resources import Resources

_NAME = "ACS3-HMAC-SHA256"
_CREDENTIAL = re.compile(
    r"Credential=(?P<key>[A-Za-z0-9._-]{1,64}),SignedHeaders=(?P<headers>[a-z0-9;-]+),Signature=(?P<signature>[0-9a-f]{64})"
)


class Acs3:
    """ACS3-HMAC-SHA256.

    Args:
        words: the surface's.
    """

    name = _NAME

    def __init__(self, words: Words) -> None:
        self._words = words

    def is_meant(self, request: Request) -> bool:
        """By the header `authorization`."""
        return request.scheme == _NAME.lower()

    async def verify(self, resources: Resources, request: Request) -> Caller:
        """The access key that signed a request."""
        return await verify(resources, request, self.read(request), self._words)

    def read(self, request: Request) -> Signed:
        """What a request says of its signature. Raises `TokenRefusal`, `RequestMalformed`."""
        found = _CREDENTIAL.fullmatch(request.credential)
        if found is None:
            raise SignatureIncomplete
        names = found["headers"].split(";")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        headers["host"] = request.host
        must = {name for name in request.headers if name.startswith("x-acs-") or name == "content-type"}
        if names != sorted(headers) or not headers.keys() >= must:
            raise SignatureIncomplete(detail="headers that are to be signed")
        date, nonce = headers.get("x-acs-date"), headers.get("x-acs-signature-nonce")
        if not date:
            raise TimestampMissing("The header x-acs-date is missing.")
        if not nonce:
            raise SignatureNonceMissing("The header x-acs-signature-nonce is missing.")
        signed_at = read_iso(date)
        sent = parameters.of_query(request)
        canonical = "\n".join(
            (
                request.method,
                request.path,
                parameters.canonical(sent.items()),
                # As they came, for the reason that pds_canonical has.
                "".join([f"{name}:{headers[name]}\n" for name in names]),
                found["headers"],
                body_sha256(request),
            )
        )
        return Signed(
            scheme=_NAME,
            key_id=found["key"],
            signed_at=signed_at,
            nonce=nonce,
            signature=found["signature"],
            to_sign=f"{_NAME}\n{hashlib.sha256(canonical.encode()).hexdigest()}",
            sign=_sign,
            path=self._path(request, sent),
        )

    def _path(self, request: Request, sent: Mapping[str, str]) -> str:
        """What is called: in the RPC style an Action, which the gateway's `filters/rpc.lua` finds in the same way.

        It may stand in the header, which is covered, or the parameters, but not there another one.
        """
        if self._words is not RPC:
            return request.path
        if parameters.is_form(request):
            sent = parameters.of_query_and_form(request)
        action = request.headers.get("x-acs-action", "")
        if action and sent.get("Action", action) != action:
            raise RequestMalformed(detail="two actions")
        return action_path(action or sent.get("Action", ""))


def action_path(action: str) -> str:
    """The path of an RPC-style call's Action, as proto/ has it."""
    return f"/rpc/{action}"


def _sign(secret: bytes, text: bytes) -> str:
    return hmac.digest(secret, text, "sha256").hex()
