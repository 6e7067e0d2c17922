"""User systems, as an operator sets them up."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from tessera.account.v1 import user_system_pb2 as nouns_pb2
from tessera.account.v1 import user_system_service_pb2 as systems_pb2

from tests.account.callers import Domain
from tests.account.running import Account

SECRET = "s3cret-of-a-provider"

EXAMPLES: dict[str, dict[str, Any]] = {
    "mobile": {"mobile": {}},
    "email": {"email": {}},
    "ding": {"ding": {"client_id": "dingapp", "corp_ids": ["ding1"]}, "secret": SECRET},
    "ram": {"ram": {"client_id": "4567", "account_ids": ["1234"]}, "secret": SECRET},
    "wechat": {"wechat": {"corp_id": "ww1", "agent_id": "1000002"}, "secret": SECRET},
    "ldap": {
        "ldap": {"url": "ldaps://ldap.example.com", "base_dn": "dc=example", "bind_dn": "cn=tessera,dc=example"},
        "secret": SECRET,
    },
    "custom": {"custom": {"issuer": "https://id.example.com", "client_id": "tessera"}, "secret": SECRET},
}
"""How one of each type may be set up."""


class UserSystemsOperator:
    """Who sets up the user systems of a domain."""

    def __init__(self, account: Account, domain: Domain, *permissions: str) -> None:
        self.stub = account.user_systems
        self.domain = domain
        self.caller = domain.access_key("account.admin", *(permissions or ("account.provider.private",)))

    async def create(self, type_: str = "custom", /, request_id: str = "", **changed: Any) -> nouns_pb2.UserSystem:
        values = {name: value for name, value in (EXAMPLES[type_] | changed).items() if value is not None}
        system = nouns_pb2.UserSystem(**values)
        request = systems_pb2.CreateUserSystemRequest(user_system=system, request_id=request_id)
        return await self.stub.CreateUserSystem(request, metadata=self.caller)

    async def get(self, user_system_id: str) -> nouns_pb2.UserSystem:
        request = systems_pb2.GetUserSystemRequest(user_system_id=user_system_id)
        return await self.stub.GetUserSystem(request, metadata=self.caller)

    async def listed(self, **fields: Any) -> systems_pb2.ListUserSystemsResponse:
        return await self.stub.ListUserSystems(systems_pb2.ListUserSystemsRequest(**fields), metadata=self.caller)

    async def update(self, user_system_id: str, *mask: str, **changed: Any) -> nouns_pb2.UserSystem:
        system = nouns_pb2.UserSystem(user_system_id=user_system_id, **changed)
        request = systems_pb2.UpdateUserSystemRequest(user_system=system, update_mask=FieldMask(paths=mask))
        return await self.stub.UpdateUserSystem(request, metadata=self.caller)

    async def delete(self, user_system_id: str, etag: str = "") -> None:
        request = systems_pb2.DeleteUserSystemRequest(user_system_id=user_system_id, etag=etag)
        await self.stub.DeleteUserSystem(request, metadata=self.caller)

    async def problems(self, user_system_id: str) -> list[str]:
        request = systems_pb2.TestUserSystemRequest(user_system_id=user_system_id)
        answer = await self.stub.TestUserSystem(request, metadata=self.caller)
        return list(answer.problems)
