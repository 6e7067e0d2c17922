"""What an OpenID provider says of itself (OpenID Connect Discovery section 3), as far as people log on by it."""

from dataclasses import dataclass
from typing import Any

from services.account.model.web_addresses import is_web_address
from services.account.providers.documents import DocumentAway, DocumentError, Documents, Source
from services.account.providers.fetch import Reach, fetch_json
from services.account.providers.names import Names
from services.runtime.errors import Unavailable


class MetadataError(DocumentError):
    """Nobody can log on by it; the text is a sentence for who set it up."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Of one provider.

    Args:
        issuer: its name, which is the one that is looked for.
        authorization_endpoint: where browsers are sent.
        token_endpoint: where codes are redeemed.
        jwks_uri: where its keys are.
        client_authentication: the ways in which clients prove themselves there.
        challenge_methods: ways of PKCE; `None`: it does not say.
        algorithms: with which it signs ID tokens; empty: it does not say.
        names_itself: whether each answer in the browser has its issuer (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    client_authentication: tuple[str, ...] = ("client_secret_basic",)
    challenge_methods: tuple[str, ...] | None = None
    algorithms: tuple[str, ...] = ()
    names_itself: bool = False


def discovery_url(issuer: str) -> str:
    """Where the metadata of an issuer are (OpenID Connect Discovery section 4)."""
    return issuer.rstrip("/") + "/.well-known/openid-configuration"


async def fetch_metadata(issuer: str, reach: Reach) -> Metadata:
    """Fetch the metadata of an issuer.

    Raises:
        FetchError: they cannot be had.
        MetadataError: they are none, or another's.
    """
    return read_metadata(await fetch_json(discovery_url(issuer), reach), issuer, reach)


def read_metadata(value: Any, issuer: str, reach: Reach) -> Metadata:
    """Read what was fetched.

    Args:
        value: any JSON.
        issuer: whose it must be, letter by letter (section 4.3).
        reach: where its addresses may be.

    Raises:
        MetadataError: nobody can log on by it.
    """
    if not isinstance(value, dict):
        msg = "The discovery document is not a JSON object."
        raise MetadataError(msg)
    if value.get("issuer") != issuer:
        msg = (
            f"The discovery document is of the issuer {_shown(value.get('issuer'))}, and the settings name {issuer!r}."
        )
        raise MetadataError(msg)
    return Metadata(
        issuer,
        _address(value, "authorization_endpoint", reach),
        _address(value, "token_endpoint", reach),
        _address(value, "jwks_uri", reach),
        client_authentication=_texts(value, "token_endpoint_auth_methods_supported") or ("client_secret_basic",),
        challenge_methods=_texts(value, "code_challenge_methods_supported"),
        algorithms=_texts(value, "id_token_signing_alg_values_supported") or (),
        names_itself=value.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(value: dict[str, Any], name: str, reach: Reach) -> str:
    """A URL; browsers are sent to one of them, so that no other scheme may get through."""
    text = value.get(name)
    if not text:
        msg = f"The discovery document has no {name}."
        raise MetadataError(msg)
    if not is_web_address(text, plain_http=reach.private_addresses):
        msg = f"The {name} of the discovery document is no address that may be used: {_shown(text)}."
        raise MetadataError(msg)
    return text


def _texts(value: dict[str, Any], name: str) -> tuple[str, ...] | None:
    """A list of texts; `None`: there is none."""
    found = value.get(name)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else None


def _shown(value: Any) -> str:
    return ascii(value)[:200]


class ProviderMetadata:
    """Where the metadata of providers come from. Used by one event loop.

    Args:
        names: looks up where they are.
    """

    def __init__(self, names: Names) -> None:
        self._names = names
        self._documents: Documents[Metadata] = Documents()

    async def close(self) -> None:
        """Give up fetches that are under way."""
        await self._documents.close()

    async def find(self, domain_id: str, name: str, issuer: str, *, private_addresses: bool) -> Metadata:
        """The metadata of an issuer, not older than a day.

        Args:
            domain_id: who asks.
            name: what the domain calls the provider: two of one issuer are two.
            issuer: whose they are.
            private_addresses: whether they may be at addresses that are not public.

        Raises:
            Unavailable: they cannot be had, or nobody can log on by them.
        """
        reach = Reach(self._names, domain_id, private_addresses)
        source = Source(
            domain_id, (name, issuer, private_addresses), f"{name}, {issuer}", lambda: fetch_metadata(issuer, reach)
        )
        try:
            return await self._documents.find(source, lambda found: found)
        except DocumentAway:
            raise Unavailable("provider", detail=f"no metadata of {issuer}") from None
