"""What the processes of a stack cost: user and system time, by kind of process."""

import resource
from collections.abc import Mapping
from pathlib import Path

import psutil

KINDS = ("token", "account", "binding", "gateway", "postgres")
GENERATOR = "generator"
"""ghz and wrk, which take their part of the machine too."""


def read() -> dict[str, float]:
    """CPU-seconds so far of each kind, with all workers and backends, those that ended included; and the generators'.

    The stack's processes are children of this one. So were the generators, which have ended.
    """
    seconds = dict.fromkeys(KINDS, 0.0)
    for child in psutil.Process().children():
        try:
            kind = _kind(child.cmdline())
            if kind:
                seconds[kind] += sum(_own_and_ended(each) for each in (child, *child.children(recursive=True)))
        except psutil.NoSuchProcess:
            continue  # its time is its parent's now
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds[GENERATOR] = ended.ru_utime + ended.ru_stime
    return seconds


def since(before: Mapping[str, float]) -> dict[str, float]:
    """CPU-seconds of each kind since they were read."""
    return {kind: max(0.0, now - before[kind]) for kind, now in read().items()}


def _own_and_ended(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:4])  # user, system, and both of children that ended
    except psutil.NoSuchProcess:
        return 0.0


def _kind(arguments: list[str]) -> str:
    """By the module that Python runs, as in `python -m services.token serve`; else by the program: `postgres`."""
    told = arguments[2] if arguments[1:2] == ["-m"] else arguments[0] if arguments else ""
    kind = Path(told).name.removeprefix("services.")
    return kind if kind in KINDS else ""
