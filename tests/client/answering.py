"""A gRPC server that takes every call, and answers as it is told."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_status import rpc_status

Answer = Callable[[grpc.aio.ServicerContext], Awaitable[bytes]]


async def empty(_context: grpc.aio.ServicerContext) -> bytes:
    """An answer without any field: every message can be read from it."""
    return b""


def refuse(code: grpc.StatusCode, message: str = "", *details: Message) -> Answer:
    """An answer that is an error, with details as Tessera packs them."""

    async def answer(context: grpc.aio.ServicerContext) -> bytes:
        status = status_pb2.Status(code=code.value[0], message=message)
        for detail in details:
            status.details.add().Pack(detail)
        await context.abort_with_status(rpc_status.to_status(status))
        return b""

    return answer


async def never(_context: grpc.aio.ServicerContext) -> bytes:
    await asyncio.Event().wait()
    return b""


@dataclass
class Seen:
    """A call as it arrived."""

    method: str
    metadata: dict[str, str]
    seconds: float


@dataclass
class Answering(grpc.GenericRpcHandler):
    """The server. `answers` are given one after the other, then `empty`; `seen` has the calls."""

    answers: list[Answer] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    credentials: grpc.ServerCredentials | None = None

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        async def answer(_request: bytes, context: grpc.aio.ServicerContext) -> bytes:
            metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
            self.seen.append(Seen(handler_call_details.method, metadata, context.time_remaining() or 0))
            return await (self.answers.pop(0) if self.answers else empty)(context)

        return grpc.unary_unary_rpc_method_handler(answer)

    async def __aenter__(self) -> Self:
        self._server = grpc.aio.server()
        self._server.add_generic_rpc_handlers([self])
        address = f"127.0.0.1:{self.port}"
        if self.credentials:
            self.port = self._server.add_secure_port(address, self.credentials)
        else:
            self.port = self._server.add_insecure_port(address)
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"
