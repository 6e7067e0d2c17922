"""How many grants a second a domain gets: a bucket of tokens in each process, which costs a call no round trip.

A domain's limit is shared out over the workers: each gives its part, and as much again at once where a second went by
unused. What a domain was not given by one worker, another does not give instead: where callers are spread unevenly it
gets less than its limit, and never more.
"""

from prometheus_client import Counter

from services.runtime.clock import Clock
from services.runtime.limits import Bucket
from services.token.errors import LimitExceeded
from services.token.model import Domain

# Without the domain: there may be ten thousand. The log's line of each refusal names it.
EXCEEDED = Counter("tessera_limit_exceeded_total", "What was refused for a limit of its domain.", ["limit"])


class GrantLimits:
    """Counts the grants of the domains that have a limit.

    Args:
        clock: tells how much time went by.
        workers: how many processes share a limit.
    """

    def __init__(self, clock: Clock, workers: int) -> None:
        self._clock = clock
        self._workers = workers
        # Of existing domains alone, and of those that have a limit.
        self._buckets: dict[str, Bucket] = {}

    def take(self, domain: Domain) -> None:
        """Count a grant of a domain.

        Raises:
            LimitExceeded: the domain had as many as it may. Nothing was counted.
        """
        if domain.grants_per_second is None:
            return
        rate = domain.grants_per_second / self._workers
        most = max(1.0, rate)
        now = self._clock.now().timestamp()
        if not self._buckets.setdefault(domain.domain_id, Bucket(most, now)).take(rate, most, now):
            EXCEEDED.labels("grants_per_second").inc()
            raise LimitExceeded(detail=f"domain {domain.domain_id}: {domain.grants_per_second} grants a second")

    def give_back(self, domain: Domain) -> None:
        """Uncount a grant that was taken: whoever asked for it turned out to have proven nothing."""
        if bucket := self._buckets.get(domain.domain_id):
            bucket.left += 1
