"""Statements, driven by pgbench: what they cost in Postgres without a service before it."""

import asyncio
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from deploy.local.postgres import programs
from tests.load import cpu

CLIENTS = 4
"""Statements at a time, where nothing else is said."""
# As the services' own connections have it.
_OPTIONS = "-c jit=off -c enable_seqscan=off"


@dataclass(frozen=True)
class Done:
    """What pgbench did: scripts a second, and CPU-seconds of Postgres for each 1,000 of them."""

    per_second: float
    cpu_per_1000: float


def statement(text: str, *arguments: str) -> str:
    """A statement of a store, with SQL in the place of its arguments, in pgbench's language."""
    for number, argument in reversed(list(enumerate(arguments, 1))):
        text = text.replace(f"${number}", argument)
    return f"{text.rstrip().removesuffix(';')};\n"


async def run(
    dsn: str,
    folder: Path,
    script: str,
    *,
    seconds: float,
    variables: Mapping[str, int] | None = None,
    clients: int = CLIENTS,
) -> Done:
    """Run a script as fast as it goes, its statements prepared.

    Args:
        dsn: a service's database, of a stack that this process started.
        folder: for the script.
        script: in pgbench's language.
        seconds: how long, in whole seconds, one at the least.
        variables: values of variables at its beginning.
        clients: how many run it at a time.

    Raises:
        ValueError: a statement failed.
    """
    file = folder / "pgbench.sql"
    file.write_text(script, encoding="utf-8")
    before, started = cpu.read(), time.perf_counter()
    output = await _pgbench(dsn, file, max(1, round(seconds)), variables or {}, clients)
    took, spent = time.perf_counter() - started, cpu.since(before)["postgres"]
    found = re.search(r"actually processed: (\d+)", output)
    if not found or "number of failed transactions: 0 " not in output:
        raise ValueError(f"pgbench: {output}")
    return Done(int(found[1]) / took, spent / int(found[1]) * 1000)


async def _pgbench(dsn: str, script: Path, seconds: int, variables: Mapping[str, int], clients: int) -> str:
    parts = urlsplit(dsn)
    defines = [part for name, value in variables.items() for part in ("--define", f"{name}={value}")]
    process = await asyncio.create_subprocess_exec(
        str(programs() / "pgbench"),
        *("--host", parse_qs(parts.query)["host"][0], "--username", parts.username or ""),
        *("--no-vacuum", "--protocol", "prepared", *defines),
        *("--client", str(clients), "--time", str(seconds), "--file", str(script)),
        parts.path.strip("/"),
        env=os.environ | {"PGOPTIONS": _OPTIONS},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode()
