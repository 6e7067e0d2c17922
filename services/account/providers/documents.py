"""What providers publish, kept in memory: fetched when it is needed, anew when it is old or lacks what is looked for.

One fetch at a time for each document, which all who need it wait for; those of another provider, or of another domain,
never do. Strangers name what is looked for: for what is not there a provider is asked once in ten seconds, whatever it
answers, and whether its document is still here or not.
"""

import asyncio
import time
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from services.account.providers.fetch import SECONDS, FetchError

log = structlog.get_logger()

FRESH_SECONDS = 3600.0
"""Younger documents are used as they are; older ones too, while they are fetched anew behind the calls."""
STALE_SECONDS = 86_400.0
"""Older ones are not believed any more: who has been away for so long may have lost a key."""
ASK_AGAIN_SECONDS = 10.0
"""How long after a fetch, whatever became of it, the next may follow."""
MAX_DOCUMENTS = 1000
"""Of a domain, of one kind. Those that were not asked for the longest go, never another domain's."""
_NEVER = float("-inf")

T = TypeVar("T")
Found = TypeVar("Found")


class DocumentError(Exception):
    """It is not what it should be; the text says why."""


class DocumentLacks(Exception):
    """The document is here, and what is looked for is not in it."""


class DocumentAway(Exception):
    """It cannot be had; or not that of today, and what is looked for is not in yesterday's."""


@dataclass(frozen=True, slots=True)
class Source(Generic[T]):
    """Where a document comes from.

    Args:
        domain_id: whose it is. Never shared by domains.
        place: all that decides what is fetched: what is set up anew begins anew.
        name: what the log calls it.
        fetch: fetches it; raises `FetchError` or `DocumentError`.
        free: whether to fetch it costs nobody anything.
    """

    domain_id: str
    place: tuple[object, ...]
    name: str
    fetch: Callable[[], Awaitable[T]]
    free: bool = False


@dataclass(slots=True)
class _Known(Generic[T]):
    """What is known of one document."""

    source: Source[T]
    document: T | None = None
    fetched: float = _NEVER
    tried: float = _NEVER
    failed: bool = False
    fetching: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def age(self) -> float:
        return time.monotonic() - self.fetched

    def look(self, pick: Callable[[T], Found | None]) -> Found | None:
        """What is picked from it, where it is to be believed still."""
        return pick(self.document) if self.document is not None and self.age < STALE_SECONDS else None


class _DomainDocuments(Generic[T]):
    """What is known of the documents of one domain, the most recently asked for last."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[object, ...], _Known[T]] = OrderedDict()
        # Of those that went: when they were asked last, for as long as that matters.
        self._tried: dict[tuple[object, ...], float] = {}

    def get(self, source: Source[T]) -> _Known[T]:
        known = self._known.get(source.place)
        if known is None:
            self._bound()
            known = self._known[source.place] = _Known(source)
            if source.place in self._tried:
                # It has a document, perhaps, and may not be asked for it yet.
                known.tried, known.failed = self._tried.pop(source.place), True
        self._known.move_to_end(source.place)
        return known

    def fetches(self) -> list[asyncio.Task[None]]:
        """Those under way."""
        return [each.fetching for each in self._known.values() if each.fetching]

    def _bound(self) -> None:
        while len(self._known) >= MAX_DOCUMENTS:
            # Who waits for a fetch waits for this one: it is not begun twice.
            place = next((place for place, each in self._known.items() if not each.fetching), None)
            if place is None:
                break
            gone = self._known.pop(place)
            if not gone.source.free:
                self._tried[place] = gone.tried
        early = time.monotonic() - ASK_AGAIN_SECONDS
        for place in [place for place, tried in self._tried.items() if tried <= early]:
            del self._tried[place]


class Documents(Generic[T]):
    """Documents of one kind. Used by one event loop."""

    def __init__(self) -> None:
        self._domains: defaultdict[str, _DomainDocuments[T]] = defaultdict(_DomainDocuments)

    async def close(self) -> None:
        """Give up fetches that are under way."""
        tasks = [task for domain in self._domains.values() for task in domain.fetches()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def find(self, source: Source[T], pick: Callable[[T], Found | None]) -> Found:
        """Find something in a document.

        Args:
            source: where it comes from.
            pick: answers what is looked for; nothing, or what is empty, where it is not there.

        Raises:
            DocumentLacks: it is not there.
            DocumentAway: nobody can say now whether it is.
        """
        known = self._domains[source.domain_id].get(source)
        found = known.look(pick)
        if not found:
            await self._fetched(known)
            # Of before the fetch, where that failed, it is as old as it was.
            found = known.look(pick)
        elif known.age > FRESH_SECONDS:
            self._begin(known)
        if found:
            return found
        raise DocumentAway if known.failed else DocumentLacks

    def _begin(self, known: _Known[T]) -> asyncio.Task[None] | None:
        """The fetch that is under way, or one that is begun; `None` where it is too early for one."""
        if known.fetching is None:
            if time.monotonic() - known.tried < ASK_AGAIN_SECONDS:
                return None
            known.fetching = asyncio.create_task(self._fetch(known), name=f"fetch {known.source.name}")
        return known.fetching

    async def _fetched(self, known: _Known[T]) -> None:
        if task := self._begin(known):
            # Who gives up waiting does not end it for the others.
            await asyncio.shield(task)

    async def _fetch(self, known: _Known[T]) -> None:
        source = known.source
        try:
            async with asyncio.timeout(SECONDS):
                known.document = await source.fetch()
            known.fetched, known.failed = time.monotonic(), False
        except (FetchError, DocumentError, TimeoutError) as error:
            known.failed = True
            problem = str(error) or f"not there in {SECONDS:g} s"
            log.warning("a provider's document is away", domain_id=source.domain_id, of=source.name, problem=problem)
        finally:
            known.tried = time.monotonic()
            known.fetching = None
