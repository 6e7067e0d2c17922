"""AuditService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.token.v1 import audit_service_pb2, audit_service_pb2_grpc

from services.runtime.auth import principal
from services.token.actions.list_audit_events import list_audit_events
from services.token.convert import audit as convert
from services.token.resources import Resources


class AuditServicer(audit_service_pb2_grpc.AuditServiceServicer):
    """What happened in the domain of the caller."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def ListAuditEvents(
        self, request: audit_service_pb2.ListAuditEventsRequest, _context: Any
    ) -> audit_service_pb2.ListAuditEventsResponse:
        """List events."""
        asked = convert.read_audit_query(request)
        events, next_page = await list_audit_events(self._resources, principal(), query=asked)
        return convert.write_audit_events(events, next_page)
