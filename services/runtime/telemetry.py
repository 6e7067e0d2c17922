"""Logs and metrics of a process: structlog lines (JSON, or coloured for people) and Prometheus on its own port."""

import asyncio
import atexit
import json
import logging
import random
import re
import uuid
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, TextIO, cast

import structlog
from prometheus_client import REGISTRY, Counter, start_http_server
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from services.runtime.env import Address

LINES_LOST = Counter("tessera_log_lines_lost_total", "Writes to the log that failed.")

_GATHERED_SECONDS = 0.02
# What is no JSON is written as Python shows it.
_to_json = json.JSONEncoder(default=repr).encode

# As the gateway and most others write one.
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_random = random.Random()  # noqa: S311 for what is no secret

_request_id: ContextVar["_RequestId"] = ContextVar("request_id")


class _Calls(Collector):
    """Calls that were answered, by how they ended, and how long they took.

    A counter and a histogram of the library, which find the one that is meant and lock it, take a tenth of what a small
    call takes. Here the thread of the event loop counts alone.
    """

    _BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

    def __init__(self) -> None:
        self._ended: dict[tuple[str, str, str], int] = defaultdict(int)
        # How many took at most as long as each bound and longer than the one before; in the end, how long all took.
        self._took: dict[str, list[float]] = defaultdict(lambda: [0.0] * (len(self._BOUNDS) + 2))

    def count(self, method: str, code: str, reason: str, seconds: float | None) -> None:
        """Count a call that was answered, and how long it took: `None` of a stream, which lasts as it is wanted."""
        self._ended[method, code, reason] += 1
        if seconds is not None:
            took = self._took[method]
            took[bisect_left(self._BOUNDS, seconds)] += 1
            took[-1] += seconds

    def collect(self) -> Iterator[Metric]:
        """Answer whoever reads the metrics, from another thread."""
        ended = CounterMetricFamily("tessera_calls", "Calls answered.", labels=("method", "code", "reason"))
        for labels, number in list(self._ended.items()):
            ended.add_metric(labels, number)
        yield ended
        seconds = HistogramMetricFamily(
            "tessera_call_seconds", "How long a call took, from its message to its answer.", labels=("method",)
        )
        for method, (*numbers, total) in list(self._took.items()):
            bounds = (*map(str, self._BOUNDS), "+Inf")
            seconds.add_metric((method,), list(zip(bounds, accumulate(numbers), strict=True)), total)
        yield seconds


CALLS = _Calls()
REGISTRY.register(CALLS)


class _RequestId:
    """The id of a call, made of what was given when somebody first asks: of most that go well nobody does."""

    __slots__ = ("_given", "_taken")

    def __init__(self, given: str | None) -> None:
        self._given = given
        self._taken: str | None = None

    def __str__(self) -> str:
        if self._taken is None:
            self._taken = (self._given and _as_uuid(self._given)) or _new_uuid()
        return self._taken


def request_id() -> str:
    """Id of the call that is being answered: a UUID, in the log of each process that it passed."""
    return str(_request_id.get())


def take_request_id(given: str | None) -> None:
    """Make `given` the id of this call where it is a UUID, else a new one; every line of the log has it from now on."""
    _request_id.set(_RequestId(given))


def _add_request_id(_logger: Any, _level: str, facts: structlog.typing.EventDict) -> structlog.typing.EventDict:
    if (taken := _request_id.get(None)) is not None:
        facts["request_id"] = str(taken)
    return facts


def _new_uuid() -> str:
    """A UUID of version 4. It is no secret, and to get one out of the system takes ten times as long."""
    digits = f"{_random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _as_uuid(text: str) -> str | None:
    if _UUID.fullmatch(text):
        return text
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None


class Unfailing:
    """A stream that takes every line. Those that cannot be written are counted: a full disk must not fail a call."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Write, or not."""
        self._do(lambda: self._stream.write(text))

    def flush(self) -> None:
        """Flush, or not."""
        self._do(self._stream.flush)

    @staticmethod
    def _do(work: Callable[[], object]) -> None:
        try:
            work()
        except (OSError, ValueError):
            LINES_LOST.inc()


class Gathering(Unfailing):
    """Writes lines that come shortly after each other together: a system call for each costs more than to make it.

    They wait 20 ms at the most, and not at all where no event loop runs. A process that is killed takes those along.
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def write(self, text: str) -> None:
        """Write, soon."""
        self._lines.append(text)
        if len(self._lines) > 1:
            return
        try:
            asyncio.get_running_loop().call_later(_GATHERED_SECONDS, self.let_go)
        except RuntimeError:
            self.let_go()

    def flush(self) -> None:
        """Nothing: structlog asks for it after every line."""

    def let_go(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        if lines:
            super().write("".join(lines))
            super().flush()


def set_up_logging(level: str, style: str, stream: TextIO, **bound: str) -> None:
    """Configure the process's log.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        style: `json` for machines, `console` for people.
        stream: where the lines go.
        bound: facts that every line carries, such as the service's name.
    """
    lines = Gathering(stream)
    atexit.register(lines.let_go)
    people = style == "console"
    if people:
        # Plain tracebacks: the others print local variables, and with them secrets.
        rendered: list[structlog.typing.Processor] = [
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S.%f", utc=False),
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback),
        ]
    else:
        rendered = [_write_json]
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, _add_request_id, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", lines)),
    )
    if not people:
        structlog.contextvars.bind_contextvars(**bound)
    # Libraries log through the standard module: theirs is heard from warning on.
    # But for gRPC's core, which writes the value of a header that it cannot read, and for asyncpg's pool, which repeats
    # in many lines that the database is away.
    for talkative in ("grpc._cython.cygrpc", "asyncpg.pool"):
        logging.getLogger(talkative).setLevel(logging.CRITICAL)
    logging.basicConfig(level=logging.WARNING, stream=stream, format="%(levelname)s %(name)s %(message)s")


def _write_json(logger: Any, level: str, facts: structlog.typing.EventDict) -> str:
    """A line for machines. In one step: structlog's own four take longer than the rest of a line."""
    facts["level"] = level
    facts["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    if "exc_info" in facts:
        facts = structlog.processors.format_exc_info(logger, level, facts)
    return _to_json(facts)


def serve_metrics(address: Address) -> None:
    """Answer `GET /metrics` on `address`, from a thread of its own. Raises `OSError` where the port is taken."""
    try:
        start_http_server(address.port, address.host.strip("[]"))
    except OSError as error:
        msg = f"cannot listen on {address} for metrics: {error.strerror}"
        raise OSError(msg) from error
