"""How many calls a second one caller may make: a bucket for each in each process, which costs a call no round trip.

What a caller was not given by one worker another may still give: the limit keeps one caller from taking a worker away
from all others, and is no quota. Our own services, which call for everybody, have none.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from services.runtime.errors import RateLimited

# More callers than a worker hears of in a second. Who was not heard of for longest has been given everything again.
_MOST_CALLERS = 100_000
_SERVICE = "service"


@dataclass(slots=True)
class Bucket:
    """What may still be done at once; it fills with time.

    Args:
        left: how much that is.
        filled_at: when that was so, in seconds.
    """

    left: float
    filled_at: float

    def take(self, rate: float, most: float, now: float) -> bool:
        """Take one, where there is one: it fills by `rate` a second, up to `most`."""
        self.left = min(most, self.left + max(0.0, now - self.filled_at) * rate)
        self.filled_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class CallLimits:
    """Counts calls by caller.

    Args:
        calls_per_second: that a caller may make, and as many again at once where a second went by unused; absent: any.
        now: seconds, by a clock that is never set back.
    """

    def __init__(self, calls_per_second: int | None, now: Callable[[], float] = time.monotonic) -> None:
        self._rate = calls_per_second
        self._now = now
        self._buckets: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def take(self, kind: str, domain_id: str, subject: str) -> None:
        """Count a call of a caller whose credential was verified.

        Args:
            kind: of the caller, as its token says.
            domain_id: its domain.
            subject: who it is there.

        Raises:
            RateLimited: it has made as many as it may. This one is not counted.
        """
        if self._rate is None or kind == _SERVICE:
            return
        now, key = self._now(), (domain_id, subject)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._rate, now)
            if len(self._buckets) > _MOST_CALLERS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        if not bucket.take(self._rate, self._rate, now):
            raise RateLimited(detail=f"{self._rate} calls a second")

    def give_back(self, domain_id: str, subject: str) -> None:
        """Uncount a call that was taken: it turned out to be somebody else's copy of one."""
        if bucket := self._buckets.get((domain_id, subject)):
            bucket.left += 1
