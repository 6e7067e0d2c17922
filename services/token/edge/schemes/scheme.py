"""What a scheme is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from services.token.edge.request import Request
from services.token.resources import Resources

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Caller(NamedTuple):
    """Who made a request: its domain, claims of the internal token, and those that no other request has."""

    domain_id: str
    claims: Mapping[str, Any]
    of_request: Mapping[str, Any] = _NOTHING


class Scheme(Protocol):
    """A way to prove who makes a request. Its algorithm is its own: nothing that the caller says chooses another."""

    @property
    def name(self) -> str:
        """Claim `scheme` of the internal token."""

    def is_meant(self, request: Request) -> bool:
        """Whether a request brings a credential of this scheme, good or not. Of a surface's one at the most is."""

    async def verify(self, resources: Resources, request: Request) -> Caller:
        """Find out who made a request.

        Raises:
            Refusal: the credential is not good; in the words of the surface.
            Unavailable: it cannot be told.
        """
