"""Projects, providers and open accounts, as an operator sets them up."""

from typing import Any

from tessera.account.v1 import account_admin_pb2 as nouns_pb2
from tessera.account.v1 import account_admin_service_pb2 as admin_pb2
from tessera.account.v1 import account_service_pb2 as pb2

from tests.account.callers import Domain
from tests.account.running import Account
from tests.support.calls import Metadata
from tests.support.oidc import AUDIENCE, Provider

PERMISSIONS = ("account.admin", "account.delete", "account.describe", "account.provider.private")


class Operator:
    """Who sets up a domain."""

    def __init__(self, account: Account, domain: Domain) -> None:
        self.account = account
        self.domain = domain
        self.caller: Metadata = domain.access_key(*PERMISSIONS)

    async def project(self, project_id: str = "p1") -> str:
        request = admin_pb2.CreateProjectRequest(project_id=project_id, name="Cars")
        answer = await self.account.admin.CreateProject(request, metadata=self.caller)
        return str(answer.project_id)

    def provider(self, **changed: Any) -> nouns_pb2.Provider:
        """How a provider is to be."""
        values = {"project_id": "p1", "idp": "ALIOS", "issuer": "https://id.example.com", "audiences": [AUDIENCE]}
        return nouns_pb2.Provider(**(values | changed))

    async def register(self, provider: Provider | None = None, **changed: Any) -> nouns_pb2.Provider:
        """Register a provider; one that runs is asked for its keys."""
        if provider:
            changed = {"issuer": provider.issuer, "private_addresses": True} | changed
        request = admin_pb2.CreateProviderRequest(provider=self.provider(**changed))
        return await self.account.admin.CreateProvider(request, metadata=self.caller)

    async def open_account(self, **changed: str) -> str:
        values = {"project_id": "p1", "idp": "ALIOS", "open_id": "12345"}
        request = admin_pb2.CreateOpenAccountRequest(**(values | changed))
        answer = await self.account.admin.CreateOpenAccount(request, metadata=self.caller)
        return str(answer.identity_id)

    async def describe(self, **fields: str) -> pb2.DescribeOpenAccountResponse:
        return await self.account.open_accounts.DescribeOpenAccount(
            pb2.DescribeOpenAccountRequest(**fields), metadata=self.caller
        )
