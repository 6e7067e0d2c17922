import asyncio
import io

from services.runtime.telemetry import Gathering


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
