"""wrk drives the REST paths, with `wrk.lua`, which has a rate and sends no request twice."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from services.runtime.supervisor import Process, ProcessFailed, Supervisor
from tests.load.results import BROKEN, MOST_AT_ONCE, UNANSWERED, Driven

_SCRIPT = Path(__file__).with_name("wrk.lua")
# Beyond what the calls take at their rate; those that nobody answered by then are counted as such.
_PATIENCE_SECONDS = 30


def find() -> str | None:
    """The program. `None` where there is none."""
    return shutil.which("wrk")


async def drive(folder: Path, url: str, requests: Sequence[bytes], *, rate: int, dialect: str) -> Driven:
    """Send requests over HTTP/1.1, each once.

    Args:
        folder: for its file.
        url: the gateway's.
        requests: as they go over the wire.
        rate: requests a second.
        dialect: where the answers say what went wrong.

    Raises:
        ProcessFailed: wrk could not do it; with its lines.
    """
    file = folder / "requests"
    file.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))
    limit = len(requests) // rate + _PATIENCE_SECONDS
    connections = min(MOST_AT_ONCE, len(requests))
    program = find()
    assert program
    said: list[str] = []
    arguments = ("-t1", f"-c{connections}", f"-d{limit}s", "--timeout", "10s", "-s", str(_SCRIPT), url)
    process = Process(name="wrk", argv=(program, *arguments, "--", str(file), str(rate), dialect), env={})
    try:
        await Supervisor(lambda _, line: said.append(line)).once(process)
    except ProcessFailed as error:
        raise ProcessFailed(error.name, f"{error.how}: {'; '.join(said)}") from error
    return read(said, len(requests))


def read(lines: Sequence[str], calls: int) -> Driven:
    """What `wrk.lua` tells at its end, of so many calls.

    Raises:
        ValueError: it did not come to its end.
    """
    told = dict(line.split("\t", 2)[1:] for line in lines if line.startswith("load\t"))
    if "answered" not in told:
        raise ValueError("wrk: " + "; ".join(lines))
    answered = int(told["answered"])
    errors = {name.removeprefix("error "): int(count) for name, count in told.items() if name.startswith("error ")}
    broken = int(told["broken"])
    if broken:
        errors[BROKEN] = broken
    if calls > answered + broken:
        errors[UNANSWERED] = calls - answered - broken
    return Driven(
        answered=answered,
        seconds=float(told["seconds"]),
        p50=float(told["p50"]),
        p95=float(told["p95"]),
        p99=float(told["p99"]),
        errors=errors,
        example=told["example"],
    )
