"""Ports that nobody uses, and that the kernel gives to nobody while a test gets ready to listen there."""

import contextlib
import functools
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path

_FIRST = 10_000
# From here on the kernel takes ports for outgoing connections, and would take one of ours in between.
_EPHEMERAL = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])


def free_ports(count: int) -> list[int]:
    """Find as many ports as asked for, all different, none in use, none ever handed out before by this process."""
    found: list[int] = []
    while len(found) < count:
        port = next(_ports())
        if _free(port):
            found.append(port)
    return found


def free_row(count: int) -> range:
    """Find that many ports in a row."""
    row: list[int] = []
    while len(row) < count:
        port = free_ports(1)[0]
        row = [*row, port] if row and port == row[-1] + 1 else [port]
    return range(row[0], row[0] + count)


@functools.cache
def _ports() -> Iterator[int]:
    """The ports of this worker of a test run, once each; beginning anywhere, since another run may be at it."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = (_EPHEMERAL - _FIRST) // workers
    start = random.randrange(size)
    return iter([_FIRST + worker * size + (start + step) % size for step in range(size)])


def _free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
