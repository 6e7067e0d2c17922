"""`python -m tests.bench.client`: drives calls as fast as they are answered, and tells how long each took.

Each chain makes one call after the other. A chain of refreshes presents what the call before gave it, as ghz cannot.
It reads what is to be driven from standard input as JSON (`Task`), and writes `Answers` to standard output.
"""

import asyncio
import dataclasses
import itertools
import json
import sys
import time
import urllib.parse
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import grpc
import uvloop
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor

Parameters = dict[str, Any]
# Makes a call, given its message over gRPC, else its parameters.
Call = Callable[[Any], Awaitable[Any]]

_IMAGE = Path(__file__).parents[2] / "gen" / "tessera.binpb"
TIMEOUT_SECONDS = 20
"""How long a call may take."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be driven.

    Args:
        address: `host:port` of a service or a gateway.
        rpc: full name of the RPC, as proto/ has it.
        path: where a gateway takes it as a form; empty: gRPC.
        authorization: value of the metadata, over gRPC; empty: there is none.
        seconds: how long; shorter where no chain has parameters left.
        again: whether a chain begins anew with its parameters when it has used them.
        chains: for each chain the parameters of its calls. A `refresh_token` in them becomes the one that was answered.
    """

    address: str
    rpc: str
    path: str
    authorization: str
    seconds: float
    again: bool
    chains: list[list[Parameters]]


@dataclasses.dataclass(frozen=True)
class Answers:
    """What came of it: seconds of each call, seconds in all, and what calls that failed said."""

    latencies: list[float]
    took: float
    failures: list[str]


class Chains:
    """Makes calls, each chain's one after the other, and keeps what came of them.

    Args:
        seconds: how long, from `begin` on.
        again: whether a chain begins anew with its calls when it has made them.
    """

    def __init__(self, seconds: float, *, again: bool) -> None:
        self.latencies: list[float] = []
        self.failures: list[str] = []
        self._seconds = seconds
        self._again = again
        self.begin()

    def begin(self) -> None:
        """Count the time from now on."""
        self._began_at = time.perf_counter()
        self._end = self._began_at + self._seconds

    async def run(self, call: Call, calls: Sequence[Any]) -> None:
        """One chain."""
        for each in itertools.cycle(calls) if self._again else calls:
            started = time.perf_counter()
            if started >= self._end:
                return
            try:
                await call(each)
            except (OSError, ValueError, EOFError, grpc.aio.AioRpcError) as error:
                self.failures.append(str(error)[:200])
                return
            self.latencies.append(time.perf_counter() - started)

    def answers(self) -> Answers:
        """What came of all of them."""
        return Answers(self.latencies, time.perf_counter() - self._began_at, self.failures)


async def drive(task: Task) -> Answers:
    """Drive a task."""
    return await (_drive_rest if task.path else _drive_grpc)(task)


async def _drive_grpc(task: Task) -> Answers:
    method = _method(task.rpc)
    asked, answered = map(message_factory.GetMessageClass, (method.input_type, method.output_type))
    metadata = (("authorization", task.authorization),) if task.authorization else ()
    # Made beforehand: what the client does meanwhile, the services have to do without.
    chains = [[asked(**parameters) for parameters in chain] for chain in task.chains]
    spends = "refresh_token" in method.input_type.fields_by_name
    async with grpc.aio.insecure_channel(task.address) as channel:
        stub = channel.unary_unary(
            f"/{method.containing_service.full_name}/{method.name}", asked.SerializeToString, answered.FromString
        )

        async def call(message: Any) -> None:
            answer = await stub(message, metadata=metadata, timeout=TIMEOUT_SECONDS)
            if spends and message.refresh_token:
                message.refresh_token = answer.refresh_token

        made = Chains(task.seconds, again=task.again)
        await asyncio.gather(*(made.run(call, chain) for chain in chains))
        return made.answers()


async def _drive_rest(task: Task) -> Answers:
    connections = [Connection(*await asyncio.open_connection(*task.address.split(":"))) for _ in task.chains]
    made = Chains(task.seconds, again=task.again)
    await asyncio.gather(
        *(
            made.run(_by_form(connection, task.address, task.path), each)
            for connection, each in zip(connections, task.chains, strict=True)
        )
    )
    answers = made.answers()
    for connection in connections:
        connection.close()
    return answers


class Connection:
    """A connection to a gateway, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def close(self) -> None:
        """Make no more requests."""
        self._writer.close()

    async def exchange(self, request: bytes) -> bytes:
        """Send a request, and answer the content of what came. Raises `ValueError` where that is no 200."""
        self._writer.write(request)
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        content = await self._reader.readexactly(int(headers["content-length"]))
        if " 200 " not in lines[0]:
            raise ValueError(f"{lines[0]}: {content.decode()}")
        return content


def _by_form(connection: Connection, host: str, path: str) -> Call:
    async def call(parameters: Parameters) -> None:
        body = urllib.parse.urlencode(parameters).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {host}\r\n"
            f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        content = await connection.exchange(head.encode() + body)
        if "refresh_token" in parameters:
            parameters["refresh_token"] = json.loads(content)["refresh_token"]

    return call


def _method(rpc: str) -> MethodDescriptor:
    """An RPC of the contracts."""
    files = descriptor_pb2.FileDescriptorSet.FromString(_IMAGE.read_bytes())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool.FindMethodByName(rpc)


def answer(answers: Answers) -> None:
    """Write what came of a task to standard output."""
    # Not by print: with PYTHONUNBUFFERED set, that loses what a pipe does not take at once.
    with open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False) as output:
        json.dump(dataclasses.asdict(answers), output)


if __name__ == "__main__":
    answer(uvloop.run(drive(Task(**json.load(sys.stdin)))))
