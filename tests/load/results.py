"""What a step measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

GRPC = "gRPC"
REST = "REST"

MOST_AT_ONCE = 128
"""Calls under way at the most; then the next waits for an answer, and the rate asked for is not reached."""

UNANSWERED, BROKEN = NOT_ANSWERED = ("unanswered", "broken connection")
"""Errors of calls that have no answer."""

# What a service that has too much to do says instead of an answer: no fault of a call's.
_SHED = (
    "UNAVAILABLE",
    "RESOURCE_EXHAUSTED",
    "DEADLINE_EXCEEDED",
    "429",
    "503",
    "504",
    "ret_code 1008004: The service is unavailable",
    "ret_code 1008004: The deadline passed",
    "ret_code 1008028",
    UNANSWERED,
)


@dataclass(frozen=True)
class Driven:
    """What a generator saw.

    Args:
        answered: calls that got an answer, of whatever kind.
        seconds: from the first call to the last answer.
        p50, p95, p99: seconds within which so many percent of the answers came.
        errors: how many calls failed, by code.
        example: what one of them was told; empty where nothing was.
    """

    answered: int
    seconds: float
    p50: float
    p95: float
    p99: float
    errors: Mapping[str, int] = field(default_factory=dict)
    example: str = ""

    @property
    def reached(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds if self.seconds else 0.0

    @property
    def unexpected(self) -> Mapping[str, int]:
        """The errors but for shed load; all of them where nothing succeeded: a service that is away is not busy."""
        told = sum(count for code, count in self.errors.items() if code not in NOT_ANSWERED)
        if told == self.answered:
            return self.errors
        return {code: count for code, count in self.errors.items() if not code.startswith(_SHED)}


@dataclass(frozen=True)
class Step:
    """One scenario on one surface at one rate.

    Args:
        scenario: its name.
        surface: `GRPC` or `REST`.
        rate: calls a second that were asked for.
        driven: what the generator saw.
        cpu: CPU-seconds that the step took, by kind of process.
    """

    scenario: str
    surface: str
    rate: int
    driven: Driven
    cpu: Mapping[str, float]

    def cpu_per_1000(self, kind: str) -> float:
        """CPU-seconds of a kind of process for each 1,000 calls."""
        return self.cpu[kind] * 1000 / self.driven.answered if self.driven.answered else 0.0


@dataclass
class Measured:
    """What a run measured so far.

    Args:
        steps: its steps, in their order.
        idle: CPU-seconds a second of each kind of process while nothing was called.
    """

    steps: list[Step] = field(default_factory=list)
    idle: dict[str, float] = field(default_factory=dict)


def percentile(latencies: Sequence[float], percent: float) -> float:
    """The smallest of the sorted latencies that so many percent do not exceed; 0 where there are none."""
    if not latencies:
        return 0.0
    return latencies[math.ceil(len(latencies) * percent / 100) - 1]
