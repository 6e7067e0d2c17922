"""LinkService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from collections.abc import AsyncGenerator
from typing import Any

from tessera.account.v1 import link_service_pb2, link_service_pb2_grpc

from services.account.actions.links.batch_get_links import batch_get_links
from services.account.actions.links.list_links import list_links
from services.account.convert import link_lists as convert
from services.account.resources import Resources
from services.runtime.auth import principal


class LinkServicer(link_service_pb2_grpc.LinkServiceServicer):
    """Links of a domain, many at a time."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def BatchGetLinks(
        self, request: link_service_pb2.BatchGetLinksRequest, _context: Any
    ) -> link_service_pb2.BatchGetLinksResponse:
        """Find the links of many identities."""
        identities = await convert.read_identities(request)
        return convert.write_results(await batch_get_links(self._resources, principal(), identities=identities))

    async def ListLinks(
        self, request: link_service_pb2.ListLinksRequest, _context: Any
    ) -> link_service_pb2.ListLinksResponse:
        """List links, a page at a time."""
        caller = principal()
        wanted = convert.read_wanted(request, caller.domain_id)
        page = await list_links(self._resources, caller, wanted=wanted)
        return convert.write_page(page, wanted, caller.domain_id)

    def WatchLinks(
        self, request: link_service_pb2.WatchLinksRequest, _context: Any
    ) -> AsyncGenerator[link_service_pb2.WatchLinksResponse, None]:
        """Tell what becomes of links."""
        return self._resources.link_feed.watch_links(principal(), request)
