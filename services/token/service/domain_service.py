"""DomainService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import domain_service_pb2 as domain_pb2
from tessera.token.v1 import domain_service_pb2_grpc as domain_pb2_grpc

from services.runtime.auth import principal
from services.runtime.errors import FieldMissing
from services.runtime.pages import Page
from services.token.actions.domains.create_domain import create_domain
from services.token.actions.domains.get_domain import get_domain
from services.token.actions.domains.list_domains import list_domains
from services.token.actions.domains.update_domain import update_domain
from services.token.convert import admin as convert
from services.token.convert.fields import checked_domain_id
from services.token.resources import Resources


class DomainServicer(domain_pb2_grpc.DomainServiceServicer):
    """The domains of this installation."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def CreateDomain(
        self, request: domain_pb2.CreateDomainRequest, _context: Any
    ) -> domain_pb2.CreateDomainResponse:
        """Make a domain."""
        caller = principal()
        domain_id, name, issuer = convert.read_new_domain(request)
        request_id = convert.read_request_id(request, caller)
        user_id, client_id, secret = await create_domain(
            self._resources, caller, domain_id=domain_id, name=name, issuer=issuer, request=request_id
        )
        return domain_pb2.CreateDomainResponse(
            domain_id=domain_id, user_id=user_id, client_id=client_id, client_secret=secret
        )

    async def GetDomain(self, request: domain_pb2.GetDomainRequest, _context: Any) -> nouns_pb2.Domain:
        """Tell how a domain is set up."""
        domain_id = checked_domain_id(request.domain_id)
        return convert.write_domain(await get_domain(self._resources, principal(), domain_id=domain_id))

    async def ListDomains(
        self, request: domain_pb2.ListDomainsRequest, _context: Any
    ) -> domain_pb2.ListDomainsResponse:
        """List domains."""
        page = Page(request, ("ListDomains",))
        rows = await list_domains(self._resources, after=page.after, limit=page.limit)
        shown, following = page.split(rows, lambda row: row.domain.domain_id)
        domains = map(convert.write_domain, shown)
        return domain_pb2.ListDomainsResponse(domains=domains, next_page_token=following)

    async def UpdateDomain(self, request: domain_pb2.UpdateDomainRequest, _context: Any) -> nouns_pb2.Domain:
        """Change a domain."""
        if not request.domain.domain_id:
            raise FieldMissing("domain.domain_id")
        changed = await update_domain(
            self._resources,
            principal(),
            domain_id=checked_domain_id(request.domain.domain_id),
            version=convert.read_etag(request.domain.etag),
            changes=convert.read_domain_changes(request),
        )
        return convert.write_domain(changed)
