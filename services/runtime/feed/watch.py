"""Shares one reader among all who watch a feed in this process: one query a round, however many they are."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, TypeVar

import structlog

from services.runtime.errors import Internal, Refusal, Unavailable
from services.runtime.feed.cursor import Cursor
from services.runtime.feed.reader import Page, Reader

log = structlog.get_logger()

Event = TypeVar("Event")

_EVERY = timedelta(milliseconds=50)
# Of a feed in which nothing happened for a second: questions of feeds were most of what an idle service cost.
_QUIET_EVERY = timedelta(milliseconds=200)
_QUIET_AFTER = timedelta(seconds=1)
_HEARTBEAT = timedelta(milliseconds=500)
_PAGE = 500
# What may wait for one watcher, in pages; who is further behind reads the table by itself again.
_WAITING = 64


@dataclass(eq=False)
class _Watcher(Generic[Event]):
    """Somebody who watches. Gets pages; `None` when it fell behind; and the refusal that ends it."""

    pages: asyncio.Queue[Page[Event] | Refusal | None] = field(default_factory=lambda: asyncio.Queue(_WAITING))

    def tell(self, page: Page[Event]) -> bool:
        """Whether there was room."""
        if self.pages.full():
            self._only(None)
            return False
        self.pages.put_nowait(page)
        return True

    def end(self, refusal: Refusal) -> None:
        """The last that it gets."""
        self._only(refusal)

    def _only(self, last: Refusal | None) -> None:
        while not self.pages.empty():
            self.pages.get_nowait()
        self.pages.put_nowait(last)


class Feed(Generic[Event]):
    """A feed that any number may watch.

    It asks the database every 50 ms while somebody does, every 200 where nothing happens, and when somebody joins.

    Args:
        reader: reads its table.
    """

    def __init__(self, reader: Reader[Event]) -> None:
        self._reader = reader
        self._watchers: set[_Watcher[Event]] = set()
        self._joining: list[tuple[_Watcher[Event], asyncio.Future[Cursor]]] = []
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop; who watches is told that the feed is unavailable."""
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def watch(self, cursor: Cursor | None, *, listing: bool = False) -> AsyncGenerator[Page[Event], None]:
        """What comes after a cursor, as it happens: a page at once, and then at least one a second, empty or not.

        Close it (`contextlib.aclosing`): who is not heard of any more is told on.

        Args:
            cursor: where to begin; `None`: anew.
            listing: whether to begin anew is with all that is kept, or with an empty page whose cursor is of now.

        Raises:
            CursorExpired: the cursor is too old, or of another life of the database.
            Unavailable, Overloaded: the database is away, or the process stops.
        """
        if cursor is None and listing:
            cursor = await self._reader.beginning()
        while True:
            async with self._joined() as (watcher, joined):
                if cursor is None:
                    cursor = joined
                    yield Page((), joined)
                async for page in self._reader.pages(cursor, joined.base, _PAGE):
                    cursor = page.cursor
                    yield page
                while (told := await watcher.pages.get()) is not None:
                    if isinstance(told, Refusal):
                        raise told
                    cursor = told.cursor
                    yield told

    @asynccontextmanager
    async def _joined(self) -> AsyncIterator[tuple[_Watcher[Event], Cursor]]:
        """Become one of those who are told; from the cursor on that is given.

        Its snapshot is taken after this was called, so that it sees all that any cursor saw which a caller has by now.
        """
        watcher: _Watcher[Event] = _Watcher()
        begun = asyncio.get_running_loop().create_future()
        self._joining.append((watcher, begun))
        self._woken.set()
        if self._task is None:
            self._task = asyncio.create_task(self._follow(), name="feed")
        try:
            yield watcher, await begun
        finally:
            self._watchers.discard(watcher)

    async def _follow(self) -> None:
        refusal: Refusal = Unavailable("feed", detail="the process stops")
        try:
            await self._tell_all()
        except Refusal as error:
            refusal = error
        except Exception:
            log.exception("fault", work="feed")
            refusal = Internal()
        finally:
            self._task = None
            for watcher in self._watchers:
                watcher.end(refusal)
            for _, begun in self._joining:
                if not begun.done():
                    begun.set_exception(refusal)
            self._watchers.clear()
            self._joining.clear()

    async def _tell_all(self) -> None:
        """Read on and tell it, until nobody is left."""
        cursor = await self._reader.now()
        told = happened = 0.0
        while self._watchers or self._joining:
            self._woken.clear()
            # Those who are here before the snapshot is taken.
            joining, self._joining = self._joining, []
            more = True
            try:
                while more:
                    page = await self._reader.page(cursor, _PAGE)
                    cursor, more = page.cursor, page.more
                    if page.events:
                        happened = time.monotonic()
                    if page.events or time.monotonic() - told > _HEARTBEAT.total_seconds():
                        self._watchers = {watcher for watcher in self._watchers if watcher.tell(page)}
                        told = time.monotonic()
            except BaseException:
                self._joining += joining
                raise
            for watcher, begun in joining:
                if not begun.done():
                    self._watchers.add(watcher)
                    begun.set_result(cursor)
            quiet = time.monotonic() - happened > _QUIET_AFTER.total_seconds()
            try:
                await asyncio.wait_for(self._woken.wait(), (_QUIET_EVERY if quiet else _EVERY).total_seconds())
            except TimeoutError:
                continue
