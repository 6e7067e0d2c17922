import asyncio
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import structlog

from services.runtime import telemetry
from services.runtime.telemetry import Gathering


@pytest.fixture(name="lines")
def logging_as_json() -> Iterator[io.StringIO]:
    """What the process logs."""
    stream = io.StringIO()
    telemetry.set_up_logging("info", "json", stream, service="account")
    yield stream
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


class Counted(io.StringIO):
    """Counts what it is asked to write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


async def test_lines_that_come_together_are_written_together_and_in_order() -> None:
    stream = Counted()
    lines = Gathering(stream)
    for number in range(100):
        lines.write(f"{number}\n")
        lines.flush()
    assert stream.writes == 0
    async with asyncio.timeout(15):
        while not stream.writes:
            await asyncio.sleep(0.01)
    assert (stream.writes, stream.getvalue()) == (1, "".join(f"{number}\n" for number in range(100)))
    lines.write("later\n")
    lines.let_go()
    assert stream.getvalue().endswith("99\nlater\n")


def test_without_an_event_loop_lines_are_written_at_once() -> None:
    stream = Counted()
    Gathering(stream).write("line\n")
    assert stream.getvalue() == "line\n"


def test_a_line_says_when_how_grave_of_which_service_and_of_which_call(lines: io.StringIO) -> None:
    telemetry.take_request_id("not a UUID")
    taken = telemetry.request_id()
    assert str(UUID(taken)) == taken
    structlog.get_logger().warning("key not rotated", domain="bj1", ahead=timedelta(seconds=5))
    line = json.loads(lines.getvalue())
    moment = datetime.fromisoformat(line.pop("timestamp"))
    assert moment.tzinfo == UTC
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)
    assert line == {
        "event": "key not rotated",
        "level": "warning",
        "service": "account",
        "request_id": taken,
        "domain": "bj1",
        "ahead": "datetime.timedelta(seconds=5)",
    }


def test_a_fault_brings_its_traceback_along(lines: io.StringIO) -> None:
    try:
        int("nine")
    except ValueError:
        structlog.get_logger().exception("fault")
    line = json.loads(lines.getvalue())
    assert (line["event"], line["level"]) == ("fault", "error")
    assert line["exception"].startswith("Traceback")
    assert "invalid literal" in line["exception"]
    assert "exc_info" not in line
