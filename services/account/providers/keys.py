"""Keys of providers, kept as all their documents are (`documents`): the one that a token names is looked for."""

from collections.abc import Sequence
from typing import Protocol

from services.account.errors import IdpUnavailable, IdTokenInvalid
from services.account.providers.documents import DocumentAway, DocumentLacks, Documents, Source
from services.account.providers.fetch import FetchError, Reach, fetch_json
from services.account.providers.jwks import Key, parse_jwks, read_jwks
from services.account.providers.metadata import discovery_url
from services.account.providers.names import Names


class Signer(Protocol):
    """Who signs ID tokens for a domain: a provider of one of its projects, or one of its user systems."""

    @property
    def domain_id(self) -> str:
        """The domain."""

    @property
    def idp(self) -> str:
        """What the domain calls it."""

    @property
    def place(self) -> tuple[object, ...]:
        """All that decides what its keys are: who is set up anew begins anew."""

    @property
    def issuer(self) -> str:
        """Its name in tokens."""

    @property
    def audiences(self) -> Sequence[str]:
        """Whom its tokens are made for, when they are made for us."""

    @property
    def algorithms(self) -> Sequence[str]:
        """How it may sign."""

    @property
    def jwks(self) -> str:
        """Its keys; empty: they are behind `jwks_uri`."""

    @property
    def jwks_uri(self) -> str:
        """Where its keys are; empty: its metadata say so."""

    @property
    def private_addresses(self) -> bool:
        """Whether it may be at addresses that are not public."""


class ProviderKeys:
    """Where the keys of providers come from. Used by one event loop.

    Args:
        names: looks up where they are.
    """

    def __init__(self, names: Names | None = None) -> None:
        self._names = names or Names()
        self._documents: Documents[tuple[Key, ...]] = Documents()

    async def close(self) -> None:
        """Give up fetches that are under way."""
        await self._documents.close()
        self._names.close()

    async def find(self, signer: Signer, key_id: str | None, algorithm: str) -> list[Key]:
        """Keys of a provider that may have made a signature.

        Args:
            signer: the provider, as it is registered.
            key_id: what the token says; `None`: nothing, and all that fit the algorithm are meant (RFC 7517 section 4.5
                has it optional).
            algorithm: what the token was signed with, one that the provider may use.

        Returns:
            One key at least.

        Raises:
            IdTokenInvalid: the provider has no such key.
            IdpUnavailable: its keys cannot be had; or not those of today, and this one is not among yesterday's.
        """

        def matching(keys: tuple[Key, ...]) -> list[Key]:
            return [key for key in keys if key.algorithm == algorithm and key_id in (None, key.key_id)]

        try:
            return await self._documents.find(self._source(signer), matching)
        except DocumentAway:
            raise IdpUnavailable(detail=f"{signer.idp} of {signer.domain_id}") from None
        except DocumentLacks:
            raise IdTokenInvalid(detail=f"{signer.idp} has no key {key_id!r} for {algorithm}") from None

    def _source(self, signer: Signer) -> Source[tuple[Key, ...]]:
        reach = Reach(self._names, signer.domain_id, signer.private_addresses)
        return Source(
            signer.domain_id,
            signer.place,
            f"keys of {signer.idp}",
            lambda: fetch_keys(signer, reach),
            free=bool(signer.jwks),
        )


async def fetch_keys(signer: Signer, reach: Reach) -> tuple[Key, ...]:
    """The keys, from where the provider says.

    Raises:
        FetchError: they cannot be had.
        JwksError: they are none.
    """
    if signer.jwks:
        return parse_jwks(signer.jwks)
    uri = signer.jwks_uri
    if not uri:
        url = discovery_url(signer.issuer)
        metadata = await fetch_json(url, reach)
        # OpenID Connect Discovery section 4.3: it must be the issuer's own.
        if not isinstance(metadata, dict) or metadata.get("issuer") != signer.issuer:
            msg = f"{url}: not the metadata of {signer.issuer}"
            raise FetchError(msg)
        named = metadata.get("jwks_uri")
        if not isinstance(named, str):
            msg = f"{url}: no jwks_uri"
            raise FetchError(msg)
        uri = named
    return read_jwks(await fetch_json(uri, reach))
