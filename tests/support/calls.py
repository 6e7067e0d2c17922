"""Calls over gRPC: as whom, how they are refused, and whether who is called serves."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

Metadata = list[tuple[str, str]]

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def bearer(access_token: str) -> Metadata:
    """Metadata of a call by whoever holds an access token."""
    return [("authorization", f"Bearer {access_token}")]


@dataclass(frozen=True)
class Refused:
    """How a call was refused; `field` is empty where no field was at fault."""

    code: grpc.StatusCode
    reason: str
    message: str
    field: str


async def refused(call: Awaitable[Any], reason: str | None = None, field: str | None = None) -> Refused:
    """Await a call that must be refused: for that reason and at that field, where they are given."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    refusal = refusal_in(caught.value)
    assert reason in (None, refusal.reason), refusal
    assert field in (None, refusal.field), refusal
    return refusal


def refusal_in(error: object) -> Refused:
    """What is told by the error that a refused call raised."""
    assert isinstance(error, grpc.aio.AioRpcError | grpc.Call), error
    status = rpc_status.from_call(error)
    assert status is not None, error
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        assert detail.Unpack(info) or detail.Unpack(bad), detail
    assert info.domain == "tessera", status
    assert len(bad.field_violations) <= 1, status
    return Refused(error.code(), info.reason, status.message, "".join(each.field for each in bad.field_violations))


async def until_health(channel: grpc.aio.Channel, status: int) -> None:
    """Wait until the health service answers a status."""
    check = health_pb2_grpc.HealthStub(channel).Check
    async with asyncio.timeout(30):
        while (await check(health_pb2.HealthCheckRequest())).status != status:
            await asyncio.sleep(0.05)


def healthy(address: str, service: str = "") -> bool:
    """Whether the health service at an address says that a service serves; the empty name is the whole process."""
    with grpc.insecure_channel(address) as channel:
        try:
            check = health_pb2_grpc.HealthStub(channel).Check
            return check(health_pb2.HealthCheckRequest(service=service), timeout=5).status == SERVING
        except grpc.RpcError:
            return False


async def believed(call: Callable[[], Awaitable[object]]) -> None:
    """Wait until a service knows the keys of a call's caller, whose domain was made just now: a second at most."""
    async with asyncio.timeout(30):
        while True:
            try:
                await call()
            except grpc.aio.AioRpcError as error:
                if refusal_in(error).reason == "UNAUTHENTICATED":
                    await asyncio.sleep(0.1)
                    continue
            return
