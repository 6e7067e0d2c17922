"""Keys of providers, kept in memory: fetched when they are needed, anew when they are old or an unknown one is named.

One fetch at a time for each provider, which all who need it wait for; those of another provider, or of another domain,
never do. Strangers name key ids: for an unknown one a provider is asked once in ten seconds, whatever it answers, and
whether its keys are still here or not.
"""

import asyncio
import time
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field

import structlog

from services.account.errors import IdpUnavailable, IdTokenInvalid
from services.account.model import Provider
from services.account.providers.fetch import SECONDS, FetchError, Reach, fetch_json
from services.account.providers.jwks import JwksError, Key, parse_jwks, read_jwks
from services.account.providers.names import Names

log = structlog.get_logger()

FRESH_SECONDS = 3600.0
"""Younger keys are used as they are; older ones too, while they are fetched anew behind the calls."""
STALE_SECONDS = 86_400.0
"""Older keys are not believed any more: who has been away for so long may have lost one."""
ASK_AGAIN_SECONDS = 10.0
"""How long after a fetch, whatever became of it, the next may follow."""
MAX_SETS = 1000
"""Providers of a domain whose keys are kept. Those that were not asked for the longest go, never another domain's."""
_NEVER = float("-inf")

_Place = tuple[object, ...]


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


class _DomainKeys:
    """What is known of the providers of one domain, the most recently asked for last."""

    def __init__(self) -> None:
        self._sets: OrderedDict[_Place, _KeySet] = OrderedDict()
        # Of those that went: when they were asked last, for as long as that matters.
        self._tried: dict[_Place, float] = {}

    def get(self, provider: Provider) -> _KeySet:
        # By all that decides what is fetched: a provider that is set up anew begins anew.
        place = (
            provider.project_id,
            provider.idp,
            provider.issuer,
            provider.jwks_uri,
            provider.jwks,
            provider.private_addresses,
        )
        known = self._sets.get(place)
        if known is None:
            self._bound()
            known = self._sets[place] = _KeySet(provider)
            if place in self._tried:
                # It has keys, perhaps, and may not be asked for them yet.
                known.tried, known.failed = self._tried.pop(place), True
        self._sets.move_to_end(place)
        return known

    def fetches(self) -> list[asyncio.Task[None]]:
        """Those under way."""
        return [each.fetching for each in self._sets.values() if each.fetching]

    def _bound(self) -> None:
        while len(self._sets) >= MAX_SETS:
            # Who waits for a fetch waits for this one: it is not begun twice.
            place = next((place for place, each in self._sets.items() if not each.fetching), None)
            if place is None:
                break
            gone = self._sets.pop(place)
            # To read them from the row again costs the provider nothing.
            if not gone.provider.jwks:
                self._tried[place] = gone.tried
        early = time.monotonic() - ASK_AGAIN_SECONDS
        for place in [place for place, tried in self._tried.items() if tried <= early]:
            del self._tried[place]


class ProviderKeys:
    """Where the keys of providers come from. Used by one event loop.

    Args:
        names: looks up where they are.
    """

    def __init__(self, names: Names | None = None) -> None:
        self._names = names or Names()
        # Never shared by domains.
        self._domains: defaultdict[str, _DomainKeys] = defaultdict(_DomainKeys)

    async def close(self) -> None:
        """Give up fetches that are under way."""
        tasks = [task for domain in self._domains.values() for task in domain.fetches()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._names.close()

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
        known = self._domains[provider.domain_id].get(provider)
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
            async with asyncio.timeout(SECONDS):
                known.keys = await _keys_of(
                    provider, Reach(self._names, provider.domain_id, provider.private_addresses)
                )
            known.fetched, known.failed = time.monotonic(), False
        except (FetchError, JwksError, TimeoutError) as error:
            known.failed = True
            problem = str(error) or f"none in {SECONDS:g} s"
            log.warning("no keys of provider", domain_id=provider.domain_id, idp=provider.idp, problem=problem)
        finally:
            known.tried = time.monotonic()
            known.fetching = None


async def _keys_of(provider: Provider, reach: Reach) -> tuple[Key, ...]:
    """The keys, from where the provider says. Raises `FetchError`, `JwksError`."""
    if provider.jwks:
        return parse_jwks(provider.jwks)
    uri = provider.jwks_uri
    if not uri:
        url = provider.issuer.rstrip("/") + "/.well-known/openid-configuration"
        metadata = await fetch_json(url, reach)
        # OpenID Connect Discovery section 4.3: it must be the issuer's own.
        if not isinstance(metadata, dict) or metadata.get("issuer") != provider.issuer:
            msg = f"{url}: not the metadata of {provider.issuer}"
            raise FetchError(msg)
        named = metadata.get("jwks_uri")
        if not isinstance(named, str):
            msg = f"{url}: no jwks_uri"
            raise FetchError(msg)
        uri = named
    return read_jwks(await fetch_json(uri, reach))
