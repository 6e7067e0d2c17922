"""Logs and metrics of a process: structlog lines (JSON, or coloured for people) and Prometheus on its own port."""

import logging
import sys

import structlog
from prometheus_client import Counter, Histogram, start_http_server

from services.runtime.env import Address

CALLS = Counter("tessera_calls_total", "Calls answered.", ["method", "code", "reason"])
SECONDS = Histogram(
    "tessera_call_seconds",
    "How long a call took, from its message to its answer.",
    ["method"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


def set_up_logging(level: str, style: str, **bound: str) -> None:
    """Configure the process's log.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        style: `json` for machines, `console` for people.
        bound: facts that every line carries, such as the service's name.
    """
    people = style == "console"
    if people:
        # Plain tracebacks: the others print local variables, and with them secrets.
        rendered: list[structlog.typing.Processor] = [
            structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    else:
        rendered = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S.%f" if people else "iso", utc=not people),
            *rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
    )
    if not people:
        structlog.contextvars.bind_contextvars(**bound)
    # Libraries log through the standard module: theirs is heard from warning on.
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")


def serve_metrics(address: Address) -> None:
    """Answer `GET /metrics` on `address`, from a thread of its own. Raises `OSError` where the port is taken."""
    start_http_server(address.port, address.host)
