"""One clock per process, which follows the database's.

Decisions about stored rows are made in several processes on several hosts. They agree on the time because each takes
it from here, and here it is the host's time plus the offset last measured over the database pool.
"""

from datetime import UTC, datetime, timedelta

MAX_SKEW = timedelta(seconds=5)
"""A host further than this from the database's clock is not ready to serve."""


class Clock:
    """Tells the time; `follow` and `shift` move it."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._shift = timedelta()

    def now(self) -> datetime:
        """The time, aware, UTC."""
        return datetime.now(UTC) + self._offset + self._shift

    def timestamp(self) -> int:
        """The time in whole seconds since 1970, as JWTs carry it."""
        return int(self.now().timestamp())

    def follow(self, offset: timedelta) -> None:
        """Take over how far the database's clock is ahead of the host's."""
        self._offset = offset

    @property
    def skew(self) -> timedelta:
        """How far the host's clock is from the database's, without sign."""
        return abs(self._offset)

    def shift(self, by: timedelta) -> None:
        """Move the clock for good. For tests, which cannot wait."""
        self._shift += by
