"""ghz drives the RPCs.

It takes the requests of its data file by the number of the call, modulo how many there are (`runner/data.go`), and
counts calls in one place (`runner/requester.go`): with as many requests as calls each is sent once, whatever number of
workers it has. Its own percentiles leave out failed calls; ours are of all answers, of all its processes together.
"""

import asyncio
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from services.runtime.env import Address
from services.runtime.supervisor import Process, Supervisor, together
from tests.load.results import MOST_AT_ONCE, UNANSWERED, Driven, percentile

_TIMEOUT = "10s"
_NANOSECOND = 1e-9
_IMAGE = Path(__file__).parents[2] / "gen" / "tessera.binpb"
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def find() -> str | None:
    """The program; beside this Python, where `make` puts it, or on the path. `None` where there is none."""
    beside = Path(sys.executable).with_name("ghz")
    return str(beside) if beside.exists() else shutil.which("ghz")


async def drive(
    supervisor: Supervisor,
    folder: Path,
    rpc: str,
    requests: Sequence[Mapping[str, Any]],
    *,
    rate: int,
    addresses: Sequence[Address],
    authorization: str,
) -> Driven:
    """Make calls of an RPC, each request once.

    Args:
        supervisor: runs ghz.
        folder: for its files.
        rpc: full name of the RPC.
        requests: in protobuf's JSON.
        rate: calls a second, all workers of the service together.
        addresses: the service's workers; each gets its share, by a ghz of its own.
        authorization: value of the metadata; empty: there is none.

    Raises:
        ProcessFailed: ghz could not do it; its lines say why.
    """
    shares = [requests[number :: len(addresses)] for number in range(len(addresses))]
    runs = [(address, share) for address, share in zip(addresses, shares, strict=True) if share]
    metadata = folder / "metadata.json"
    metadata.write_text(json.dumps({"authorization": authorization} if authorization else {}), encoding="utf-8")
    reports = []

    async def run(number: int, address: Address, share: Sequence[Mapping[str, Any]]) -> None:
        data, report = folder / f"data-{number}.json", folder / f"report-{number}.json"
        await asyncio.to_thread(data.write_text, json.dumps(list(share)), encoding="utf-8")
        options = {
            "--protoset": _IMAGE,
            "--call": rpc,
            "--rps": max(1, round(rate / len(runs))),
            "--total": len(share),
            "--concurrency": min(MOST_AT_ONCE, len(share)),
            "--timeout": _TIMEOUT,
            "--data-file": data,
            "--metadata-file": metadata,
            "--format": "json",
            "--output": report,
        }
        flags = ("--insecure", "--disable-template-data", "--disable-template-functions")
        arguments = (str(part) for option in options.items() for part in option)
        program = find()
        assert program
        await supervisor.once(Process(name="ghz", argv=(program, *flags, *arguments, str(address)), env={}))
        reports.append(json.loads(await asyncio.to_thread(report.read_bytes)))

    await together(*(run(number, *each) for number, each in enumerate(runs)))
    return read(reports)


def read(reports: Sequence[Mapping[str, Any]]) -> Driven:
    """What ghz reports in JSON, by one or more processes that ran side by side."""
    details = [detail for report in reports for detail in report["details"] or ()]
    latencies = sorted(detail["latency"] * _NANOSECOND for detail in details)
    failed = [detail for detail in details if detail["status"] != "OK"]
    errors = Counter(_CAPITAL.sub("_", detail["status"] or "Unknown").upper() for detail in failed)
    missing = sum(report["options"]["total"] for report in reports) - len(details)
    return Driven(
        answered=len(details),
        seconds=max(report["total"] for report in reports) * _NANOSECOND,
        p50=percentile(latencies, 50),
        p95=percentile(latencies, 95),
        p99=percentile(latencies, 99),
        errors=errors | ({UNANSWERED: missing} if missing else {}),
        example=failed[0]["error"] if failed else "",
    )
