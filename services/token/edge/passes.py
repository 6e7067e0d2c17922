"""What the gateway is answered where a credential was good: an internal token, and that the credential goes no further.

One answer serves a caller for a while (docs/adr/0068): to sign a token costs more than all the rest, and a service that
has verified it need not do so again. Whether a request may pass at all is decided before, for each.
"""

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.rpc import code_pb2, status_pb2
from tessera.edge import external_auth_pb2 as auth_pb2

from services.runtime.auth import EDGE_HEADER, EDGE_TYPE
from services.runtime.errors import Unauthenticated
from services.runtime.revocations import Marks
from services.token.edge.schemes.scheme import Caller
from services.token.keys import EDGE, LONGEST, Key
from services.token.resources import Resources

_LIFETIME_SECONDS = int(LONGEST[EDGE].total_seconds())
# Of its minute, how much a token may have behind it when it is given once more.
_AGAIN_SECONDS = 20
_MOST = 10_000

# Domain, subject, scheme, audience.
_Place: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class _Made:
    """An answer, and what has to be as it was for it to be good: the signing key, what is said of the caller."""

    key: Key
    claims: Mapping[str, Any]
    issued_at: int
    marks: Marks
    answer: auth_pb2.CheckResponse


class Passes:
    """Makes answers for callers whose credential was verified.

    Args:
        resources: the parts of the service.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._made: OrderedDict[_Place, _Made] = OrderedDict()

    def give(self, caller: Caller, audience: str, scheme: str) -> auth_pb2.CheckResponse:
        """The answer about a request.

        Args:
            caller: who made it, as everything is known now.
            audience: the service that it goes to.
            scheme: by which the caller proved itself.

        Raises:
            Unavailable: no key of the caller's domain signs.
        """
        key = self._resources.keyring.active(caller.domain_id, EDGE)
        now = self._resources.clock.timestamp()
        place = (caller.domain_id, caller.claims["sub"], scheme, audience)
        made = self._made.get(place)
        if made and not caller.of_request and self._is_good(made, key, caller, now):
            return made.answer
        claims: Mapping[str, Any] = {
            "iss": key.issuer,
            "aud": audience,
            "iat": now,
            "exp": now + _LIFETIME_SECONDS,
            "jti": secrets.token_urlsafe(16),
            "domainId": caller.domain_id,
            "scheme": scheme,
            **caller.claims,
            **caller.of_request,
        }
        answer = _passed(key.sign(claims, EDGE_TYPE))
        if not caller.of_request:
            marks = Marks.of(caller.domain_id, key.stored.key_id, claims)
            self._made[place] = _Made(key, caller.claims, now, marks, answer)
            self._made.move_to_end(place)
            if len(self._made) > _MOST:
                self._made.popitem(last=False)
        return answer

    def _is_good(self, made: _Made, key: Key, caller: Caller, now: int) -> bool:
        if made.key is not key or made.claims != caller.claims or not 0 <= now - made.issued_at < _AGAIN_SECONDS:
            return False
        try:
            # A caller that lost something and got it back has a good credential, but none of its tokens of before is.
            self._resources.revocations.check(made.marks)
        except Unauthenticated:
            return False
        return True


_PASSED = auth_pb2.CheckResponse(
    status=status_pb2.Status(code=code_pb2.OK),
    ok_response=auth_pb2.OkHttpResponse(
        headers=[
            auth_pb2.HeaderValueOption(
                header=auth_pb2.HeaderValue(key=EDGE_HEADER),
                append_action=auth_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
            )
        ],
        headers_to_remove=["authorization"],
    ),
)


def _passed(token: str) -> auth_pb2.CheckResponse:
    answer = auth_pb2.CheckResponse()
    # To copy it takes a third of what it takes to make it.
    answer.CopyFrom(_PASSED)
    answer.ok_response.headers[0].header.value = token
    return answer
