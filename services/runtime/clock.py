"""One clock per process, which follows the database's.

Decisions about stored rows are made in several processes on several hosts. They agree on the time because each takes
it from here: what the database's clock last said, and what has passed since by a clock that nobody can set. A host
whose own clock jumps changes nothing.
"""

import time
from datetime import UTC, datetime, timedelta

MAX_SKEW = timedelta(seconds=5)
"""A host further than this from the database's clock is not ready to serve."""


class Clock:
    """Tells the time; `follow` and `shift` move it."""

    def __init__(self) -> None:
        # Seconds, by which tests have moved it.
        self._shift = 0.0
        self.follow(datetime.now(UTC))

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return datetime.fromtimestamp(self._seconds(), UTC)

    def timestamp(self) -> int:
        """The time in whole seconds since 1970, as JWTs carry it."""
        return int(self._seconds())

    def _seconds(self) -> float:
        return time.monotonic() + self._ahead + self._shift

    def follow(self, theirs: datetime) -> None:
        """Take over what the database's clock says now."""
        # How many more seconds went by since 1970 than the other clock counts.
        self._ahead = theirs.timestamp() - time.monotonic()
        self._skew = abs(datetime.now(UTC) - theirs)

    @property
    def skew(self) -> timedelta:
        """How far the host's clock was from the database's when it was last asked, without sign."""
        return self._skew

    def shift(self, by: timedelta) -> None:
        """Move the clock for good. For tests, which cannot wait."""
        self._shift += by.total_seconds()
