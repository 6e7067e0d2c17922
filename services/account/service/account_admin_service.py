"""AccountAdminService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.account.v1 import account_admin_pb2 as nouns_pb2
from tessera.account.v1 import account_admin_service_pb2 as admin_pb2
from tessera.account.v1 import account_admin_service_pb2_grpc

from services.account.actions.open_accounts.create_open_account import create_open_account
from services.account.actions.open_accounts.get_open_account import get_open_account
from services.account.actions.open_accounts.update_open_account import update_open_account
from services.account.actions.projects.create_project import create_project
from services.account.actions.projects.create_provider import create_provider
from services.account.actions.projects.delete_project import delete_project
from services.account.actions.projects.delete_provider import delete_provider
from services.account.actions.projects.get_project import get_project
from services.account.actions.projects.get_provider import get_provider
from services.account.actions.projects.list_projects import list_projects
from services.account.actions.projects.list_providers import list_providers
from services.account.actions.projects.update_project import update_project
from services.account.actions.projects.update_provider import update_provider
from services.account.convert import fields, open_accounts, projects
from services.account.errors import NotFoundProvider
from services.account.model import PROVIDER_NAME
from services.account.resources import Resources
from services.runtime.auth import principal
from services.runtime.errors import FieldMissing
from services.runtime.pages import Page


class AccountAdminServicer(account_admin_service_pb2_grpc.AccountAdminServiceServicer):
    """What an operator sets up in its domain."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def CreateProject(
        self, request: admin_pb2.CreateProjectRequest, _context: Any
    ) -> admin_pb2.CreateProjectResponse:
        """Make a project."""
        caller = principal()
        made = await create_project(
            self._resources,
            caller,
            project_id=projects.checked_project_id(request.project_id),
            name=projects.read_project_name("name", request.name),
            made_by=fields.read_call(request, caller),
        )
        return admin_pb2.CreateProjectResponse(project_id=made)

    async def CreateOpenAccount(
        self, request: admin_pb2.CreateOpenAccountRequest, _context: Any
    ) -> admin_pb2.CreateOpenAccountResponse:
        """Make an open account of a project."""
        caller, new = principal(), open_accounts.read_new_open_account(request)
        identity_id = await create_open_account(
            self._resources, caller, new=new, made_by=fields.read_call(request, caller)
        )
        return admin_pb2.CreateOpenAccountResponse(identity_id=str(identity_id))

    async def GetProject(self, request: admin_pb2.GetProjectRequest, _context: Any) -> nouns_pb2.Project:
        """Tell how a project is set up."""
        project_id = projects.checked_project_id(request.project_id)
        return projects.write_project(await get_project(self._resources, principal(), project_id=project_id))

    async def ListProjects(
        self, request: admin_pb2.ListProjectsRequest, _context: Any
    ) -> admin_pb2.ListProjectsResponse:
        """List projects."""
        caller = principal()
        page = Page(request, ("ListProjects", caller.domain_id))
        rows = await list_projects(self._resources, caller, after=page.after, limit=page.limit)
        shown, following = page.split(rows, lambda row: row.project_id)
        return admin_pb2.ListProjectsResponse(projects=map(projects.write_project, shown), next_page_token=following)

    async def UpdateProject(self, request: admin_pb2.UpdateProjectRequest, _context: Any) -> nouns_pb2.Project:
        """Change a project."""
        if not request.project.project_id:
            raise FieldMissing("project.project_id")
        changed = await update_project(
            self._resources,
            principal(),
            project_id=projects.checked_project_id(request.project.project_id, "project.project_id"),
            version=fields.read_etag(request.project.etag),
            changes=projects.read_project_changes(request),
        )
        return projects.write_project(changed)

    async def DeleteProject(
        self, request: admin_pb2.DeleteProjectRequest, _context: Any
    ) -> admin_pb2.DeleteProjectResponse:
        """Take a project away."""
        project_id = projects.checked_project_id(request.project_id)
        version = fields.read_etag(request.etag)
        await delete_project(self._resources, principal(), project_id=project_id, version=version)
        return admin_pb2.DeleteProjectResponse()

    async def CreateProvider(self, request: admin_pb2.CreateProviderRequest, _context: Any) -> nouns_pb2.Provider:
        """Register a provider."""
        caller = principal()
        new = projects.read_new_provider(request.provider, caller.domain_id, self._resources.clock.now())
        made = await create_provider(self._resources, caller, provider=new, made_by=fields.read_call(request, caller))
        return projects.write_provider(made)

    async def GetProvider(self, request: admin_pb2.GetProviderRequest, _context: Any) -> nouns_pb2.Provider:
        """Tell how a provider is set up."""
        project_id, idp = _provider_of(request)
        return projects.write_provider(await get_provider(self._resources, principal(), project_id=project_id, idp=idp))

    async def ListProviders(
        self, request: admin_pb2.ListProvidersRequest, _context: Any
    ) -> admin_pb2.ListProvidersResponse:
        """List the providers of a project."""
        caller, project_id = principal(), projects.checked_project_id(request.project_id)
        page = Page(request, ("ListProviders", caller.domain_id, project_id))
        rows = await list_providers(self._resources, caller, project_id=project_id, after=page.after, limit=page.limit)
        shown, following = page.split(rows, lambda row: row.idp)
        return admin_pb2.ListProvidersResponse(providers=map(projects.write_provider, shown), next_page_token=following)

    async def UpdateProvider(self, request: admin_pb2.UpdateProviderRequest, _context: Any) -> nouns_pb2.Provider:
        """Change a provider."""
        changes = projects.read_provider_changes(request)
        project_id, idp = _provider_of(request.provider)
        changed = await update_provider(
            self._resources,
            principal(),
            project_id=project_id,
            idp=idp,
            version=fields.read_etag(request.provider.etag),
            changes=changes,
            check=projects.checked_provider,
        )
        return projects.write_provider(changed)

    async def DeleteProvider(
        self, request: admin_pb2.DeleteProviderRequest, _context: Any
    ) -> admin_pb2.DeleteProviderResponse:
        """Take a provider away."""
        project_id, idp = _provider_of(request)
        version = fields.read_etag(request.etag)
        await delete_provider(self._resources, principal(), project_id=project_id, idp=idp, version=version)
        return admin_pb2.DeleteProviderResponse()

    async def GetOpenAccount(
        self, request: admin_pb2.GetOpenAccountRequest, _context: Any
    ) -> nouns_pb2.OpenAccountRecord:
        """Tell an open account whole."""
        account = await get_open_account(self._resources, principal(), identity_id=request.identity_id)
        return open_accounts.write_record(account)

    async def UpdateOpenAccount(
        self, request: admin_pb2.UpdateOpenAccountRequest, _context: Any
    ) -> nouns_pb2.OpenAccountRecord:
        """Change an open account."""
        changes = open_accounts.read_open_account_changes(request)
        changed = await update_open_account(
            self._resources,
            principal(),
            identity_id=request.open_account.identity_id,
            version=fields.read_etag(request.open_account.etag),
            changes=changes,
        )
        return open_accounts.write_record(changed)


def _provider_of(message: Any) -> tuple[str, str]:
    """Project and name of a provider. Raises `FieldInvalid`; `NotFoundProvider` for what is no name."""
    if not PROVIDER_NAME.fullmatch(message.idp):
        raise NotFoundProvider
    return projects.checked_project_id(message.project_id), message.idp
