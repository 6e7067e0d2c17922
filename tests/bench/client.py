"""`python -m tests.bench.client`: drives grants as fast as a token service answers them, and tells how long each took.

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
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import uvloop
from tessera.token.v1 import token_service_pb2, token_service_pb2_grpc

Parameters = dict[str, str]
Call = Callable[[Parameters], Awaitable[dict[str, Any]]]


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be driven.

    Args:
        address: `host:port` of a service or a gateway.
        surface: `grpc`, or `rest` for the gateway.
        seconds: how long; shorter where no chain has parameters left.
        again: whether a chain begins anew with its parameters when it has used them.
        chains: for each chain the parameters of its calls. A `refresh_token` in them becomes the one that was answered.
    """

    address: str
    surface: str
    seconds: float
    again: bool
    chains: list[list[Parameters]]


@dataclasses.dataclass(frozen=True)
class Answers:
    """What came of it: seconds of each call, seconds in all, and what calls that failed said."""

    latencies: list[float]
    took: float
    failures: list[str]


async def drive(task: Task) -> Answers:
    """Drive a task."""
    latencies: list[float] = []
    failures: list[str] = []
    end = time.perf_counter() + task.seconds

    async def chain(call: Call, parameters: list[Parameters]) -> None:
        for each in itertools.cycle(parameters) if task.again else parameters:
            started = time.perf_counter()
            if started >= end:
                return
            try:
                answer = await call(each)
            except (OSError, ValueError, EOFError, grpc.aio.AioRpcError) as error:
                failures.append(str(error)[:200])
                return
            latencies.append(time.perf_counter() - started)
            if "refresh_token" in each:
                each["refresh_token"] = answer["refresh_token"]

    begun = time.perf_counter()
    if task.surface == "grpc":
        async with grpc.aio.insecure_channel(task.address) as channel:
            call = _by_grpc(channel)
            await asyncio.gather(*(chain(call, each) for each in task.chains))
    else:
        connections = [await asyncio.open_connection(*task.address.split(":")) for _ in task.chains]
        await asyncio.gather(
            *(
                chain(_by_rest(*connection, task.address), each)
                for connection, each in zip(connections, task.chains, strict=True)
            )
        )
        for _, writer in connections:
            writer.close()
    return Answers(latencies, time.perf_counter() - begun, failures)


def _by_grpc(channel: grpc.aio.Channel) -> Call:
    stub = token_service_pb2_grpc.TokenServiceStub(channel)

    async def call(parameters: Parameters) -> dict[str, Any]:
        answer = await stub.Token(token_service_pb2.TokenRequest(**parameters), timeout=20)
        return {"refresh_token": answer.refresh_token}

    return call


def _by_rest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> Call:
    async def call(parameters: Parameters) -> dict[str, Any]:
        body = urllib.parse.urlencode(parameters).encode()
        head = (
            f"POST /v2/oauth/token HTTP/1.1\r\nhost: {host}\r\n"
            f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        content = await reader.readexactly(int(headers["content-length"]))
        if " 200 " not in lines[0]:
            raise ValueError(f"{lines[0]}: {content.decode()}")
        answer: dict[str, Any] = json.loads(content)
        return answer

    return call


if __name__ == "__main__":
    answers = uvloop.run(drive(Task(**json.load(sys.stdin))))
    # Not by print: with PYTHONUNBUFFERED set, that loses what a pipe does not take at once.
    with open(sys.stdout.fileno(), "w", encoding="utf-8", closefd=False) as output:
        json.dump(dataclasses.asdict(answers), output)
