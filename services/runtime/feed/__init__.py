"""The one feed: what was written to a table, told from snapshot to snapshot (docs/adr/0024).

`cursor` is where a consumer stands, `reader` reads pages of one table behind a cursor, `watch` shares one reader among
all who watch in a process. What is told, to whom, and in which message, is left to the service whose table it is.
"""

from services.runtime.feed.cursor import Cursor, Position
from services.runtime.feed.reader import Page, Reader
from services.runtime.feed.watch import Feed

__all__ = ["Cursor", "Feed", "Page", "Position", "Reader"]
