"""`python -m tests.bench.constant PORT`: a server of grpc.aio that answers each Check by the same response.

It reads that from standard input. It is what any servicer pays for: a request that becomes a message, a coroutine, a
message that becomes bytes; on the loop and with the collector as our services have them, without their steps.
"""
# ruff: noqa: N802  gRPC names the methods as proto/ does

import asyncio
import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import psutil
import uvloop
from tessera.edge import external_auth_pb2 as auth_pb2
from tessera.edge import external_auth_pb2_grpc as auth_pb2_grpc

from tests.support.ports import free_ports

# As services/runtime/server.py.
_COLLECTED_AFTER = 20_000


@asynccontextmanager
async def running(response: auth_pb2.CheckResponse) -> AsyncIterator[tuple[str, psutil.Process]]:
    """One in a process of its own: its address, and the process."""
    (port,) = free_ports(1)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.constant", str(port)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(response.SerializeToString())
        process.stdin.close()
        if not await process.stdout.readline():
            raise ValueError("the server of a constant did not start")
        yield f"127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.kill()
        await process.wait()


class Constant(auth_pb2_grpc.AuthorizationServicer):
    """Answers every request alike."""

    def __init__(self, response: auth_pb2.CheckResponse) -> None:
        self._response = response

    async def Check(self, _request: auth_pb2.CheckRequest, _context: Any) -> auth_pb2.CheckResponse:
        """The response."""
        return self._response


async def _serve(port: str, response: auth_pb2.CheckResponse) -> None:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    auth_pb2_grpc.add_AuthorizationServicer_to_server(Constant(response), server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER)
    print("serving", flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1], auth_pb2.CheckResponse.FromString(sys.stdin.buffer.read())))
