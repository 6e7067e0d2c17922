"""DeviceTokenService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from collections.abc import AsyncGenerator
from typing import Any

from tessera.binding.v1 import device_token_service_pb2, device_token_service_pb2_grpc

from services.binding.resources import Resources
from services.binding.service.callers import push_app


class DeviceTokenServicer(device_token_service_pb2_grpc.DeviceTokenServiceServicer):
    """Device tokens and accounts, many at a time."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    def WatchChanges(
        self, request: device_token_service_pb2.WatchChangesRequest, _context: Any
    ) -> AsyncGenerator[device_token_service_pb2.WatchChangesResponse, None]:
        """Tell what becomes of bindings."""
        return self._resources.feed.watch_changes(push_app(), request)
