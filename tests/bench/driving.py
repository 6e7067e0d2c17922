"""Calls that a process of its own drives as fast as they are answered, and what each cost."""

import asyncio
import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import psutil

from deploy.local.ports import Layout
from tests.bench import client, sending
from tests.load import cpu

Task: TypeAlias = client.Task | sending.Sending
"""What is driven, each by the module that it is of."""

BESIDE = "beside"
"""The kind of a process that is no part of the stack."""

_WARM_UP_SECONDS = 0.5


@dataclass(frozen=True)
class Measured:
    """What calls came to.

    Args:
        per_second: answers a second.
        p50: milliseconds within which half of them came.
        p99: the same of 99 %.
        seconds: how long it took for each 1,000 of them, with what stood still before and after.
        cpu: CPU-seconds for each 1,000 of them, by kind of process.
    """

    per_second: float
    p50: float
    p99: float
    seconds: float
    cpu: Mapping[str, float]


class Driving:
    """Drives calls on a running stack.

    Args:
        layout: where it is; this process started it.
        seconds: how long a measurement takes.
        chains: how many calls are under way.
    """

    def __init__(self, layout: Layout, seconds: float, chains: int) -> None:
        self.seconds = seconds
        self.chains = chains
        self._layout = layout

    def address(self, service: str) -> str:
        """Where a service, or the `gateway`, is: `host:port`."""
        if service == "gateway":
            return self._layout.gateway_url.removeprefix("http://")
        return str(self._layout.peers(service)[0])

    async def measure(
        self, name: str, task: Callable[[float], Awaitable[Task]], beside: psutil.Process | None = None
    ) -> Measured:
        """Measure one kind of call, after some that do not count.

        Args:
            name: of the calls, where they fail.
            task: makes what is driven for so many seconds.
            beside: a process whose CPU-seconds are told as those of `BESIDE`.

        Raises:
            ValueError: a call failed.
        """
        await self.warm_up(name, task)
        made = await task(self.seconds)
        began_at, before, before_beside = time.perf_counter(), cpu.read(), _seconds(beside)
        answers = await _drive(made)
        spent = cpu.since(before) | {BESIDE: _seconds(beside) - before_beside}
        took = time.perf_counter() - began_at
        _check(name, answers)
        count = len(answers.latencies)
        centiles = statistics.quantiles(answers.latencies, n=100)
        return Measured(
            per_second=count / answers.took,
            p50=centiles[49] * 1000,
            p99=centiles[98] * 1000,
            seconds=took / count * 1000,
            cpu={kind: seconds / count * 1000 for kind, seconds in spent.items()},
        )

    async def warm_up(self, name: str, task: Callable[[float], Awaitable[Task]]) -> None:
        """Drive a moment's calls that do not count. Raises as `measure`."""
        _check(name, await _drive(await task(_WARM_UP_SECONDS)))

    def spread(self, parameters: list[client.Parameters]) -> list[list[client.Parameters]]:
        """The parameters of calls, spread over the chains."""
        return [parameters[number :: self.chains] for number in range(self.chains)]


def _check(name: str, answers: client.Answers) -> None:
    if answers.failures:
        raise ValueError(f"{name}: {len(answers.failures)} failed: {answers.failures[0]}")


def _seconds(process: psutil.Process | None) -> float:
    return sum(process.cpu_times()[:2]) if process else 0.0


async def _drive(task: Task) -> client.Answers:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", type(task).__module__), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate(json.dumps(dataclasses.asdict(task)).encode())
    if process.returncode:
        raise ValueError(f"the client ended with {process.returncode}")
    return client.Answers(**json.loads(output))
