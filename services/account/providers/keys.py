"""Keys of providers, kept in memory: fetched when they are needed, anew when they are old or an unknown one is named.

One fetch at a time for each provider, which all who need it wait for; those of another provider, or of another domain,
never do. Strangers name key ids: for an unknown one a provider is asked once in ten seconds, whatever it answers.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field

import structlog

from services.account.errors import IdpUnavailable, IdTokenInvalid
from services.account.model import Provider
from services.account.providers.fetch import FetchError, fetch_json
from services.account.providers.jwks import JwksError, Key, parse_jwks, read_jwks

log = structlog.get_logger()

FRESH_SECONDS = 3600.0
"""Younger keys are used as they are; older ones too, while they are fetched anew behind the calls."""
STALE_SECONDS = 86_400.0
"""Older keys are not believed any more: who has been away for so long may have lost one."""
ASK_AGAIN_SECONDS = 10.0
"""How long after a fetch, whatever became of it, the next may follow."""
_MAX_SETS = 1000
_NEVER = float("-inf")


@dataclass(slots=True)
class _KeySet:
    """What is known of one provider's keys."""

    provider: Provider
    keys: tuple[Key, ...] = ()
    fetched: float = _NEVER
    tried: float = _NEVER
    failed: bool = False
    fetching: asyncio.Task[None] | None = field(default=None, repr=False)

    def matching(self, key_id: str | None, algorithm: str) -> list[Key]:
        """Keys of that id; without one (RFC 7517 section 4.5 has it optional) all that fit the algorithm."""
        return [key for key in self.keys if key.algorithm == algorithm and key_id in (None, key.key_id)]


class ProviderKeys:
    """Where the keys of providers come from. Used by one event loop."""

    def __init__(self) -> None:
        self._sets: OrderedDict[tuple[object, ...], _KeySet] = OrderedDict()

    async def close(self) -> None:
        """Give up fetches that are under way."""
        tasks = [each.fetching for each in self._sets.values() if each.fetching]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def find(self, provider: Provider, key_id: str | None, algorithm: str) -> list[Key]:
        """Keys of a provider that may have made a signature.

        Args:
            provider: as it is registered.
            key_id: what the token says; `None`: nothing.
            algorithm: what the token was signed with, one that the provider may use.

        Returns:
            One key at least.

        Raises:
            IdTokenInvalid: the provider has no such key.
            IdpUnavailable: its keys cannot be had; or not those of today, and this one is not among yesterday's.
        """
        known = self._set_of(provider)
        age = time.monotonic() - known.fetched
        found = known.matching(key_id, algorithm) if age < STALE_SECONDS else []
        if not found:
            await self._fetched(known)
            # Those of before the fetch, where that failed, are as old as they were.
            found = known.matching(key_id, algorithm) if time.monotonic() - known.fetched < STALE_SECONDS else []
        elif age > FRESH_SECONDS:
            self._begin(known)
        if found:
            return found
        if known.failed:
            raise IdpUnavailable(detail=f"{provider.idp} of {provider.domain_id}")
        raise IdTokenInvalid(detail=f"{provider.idp} has no key {key_id!r} for {algorithm}")

    def _set_of(self, provider: Provider) -> _KeySet:
        # By all that decides what is fetched: a provider that is set up anew begins anew. Never shared by domains.
        place = (
            provider.domain_id,
            provider.project_id,
            provider.idp,
            provider.issuer,
            provider.jwks_uri,
            provider.jwks,
            provider.private_addresses,
        )
        known = self._sets.get(place)
        if known is None:
            known = self._sets[place] = _KeySet(provider)
            while len(self._sets) > _MAX_SETS:
                self._sets.popitem(last=False)
        self._sets.move_to_end(place)
        return known

    def _begin(self, known: _KeySet) -> asyncio.Task[None] | None:
        """The fetch that is under way, or one that is begun; `None` where it is too early for one."""
        if known.fetching is None:
            if time.monotonic() - known.tried < ASK_AGAIN_SECONDS:
                return None
            known.fetching = asyncio.create_task(self._fetch(known), name=f"keys of {known.provider.idp}")
        return known.fetching

    async def _fetched(self, known: _KeySet) -> None:
        if task := self._begin(known):
            # Who gives up waiting does not end it for the others.
            await asyncio.shield(task)

    async def _fetch(self, known: _KeySet) -> None:
        provider = known.provider
        try:
            known.keys = await _keys_of(provider)
            known.fetched, known.failed = time.monotonic(), False
        except (FetchError, JwksError) as error:
            known.failed = True
            log.warning("no keys of provider", domain_id=provider.domain_id, idp=provider.idp, problem=str(error))
        finally:
            known.tried = time.monotonic()
            known.fetching = None


async def _keys_of(provider: Provider) -> tuple[Key, ...]:
    """The keys, from where the provider says. Raises `FetchError`, `JwksError`."""
    if provider.jwks:
        return parse_jwks(provider.jwks)
    private = provider.private_addresses
    uri = provider.jwks_uri
    if not uri:
        url = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
        metadata = await fetch_json(url, private_addresses=private)
        # OpenID Connect Discovery section 4.3: it must be the issuer's own.
        if not isinstance(metadata, dict) or metadata.get("issuer") != provider.issuer:
            msg = f"{url}: not the metadata of {provider.issuer}"
            raise FetchError(msg)
        named = metadata.get("jwks_uri")
        if not isinstance(named, str):
            msg = f"{url}: no jwks_uri"
            raise FetchError(msg)
        uri = named
    return read_jwks(await fetch_json(uri, private_addresses=private))
