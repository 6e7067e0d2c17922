"""Who runs the domain that people log on to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from tessera.account.v1 import domain_settings_service_pb2 as settings_pb2
from tessera.account.v1 import user_system_pb2
from tessera.account.v1 import user_system_service_pb2 as systems_pb2
from tessera.account.v1.domain_settings_service_pb2_grpc import DomainSettingsServiceStub
from tessera.account.v1.user_system_service_pb2_grpc import UserSystemServiceStub
from tessera.token.v1.token_admin_service_pb2_grpc import TokenAdminServiceStub


@dataclass(frozen=True)
class Operator:
    """The operator, by the services that it calls."""

    apps: TokenAdminServiceStub
    settings: DomainSettingsServiceStub
    systems: UserSystemServiceStub

    @asynccontextmanager
    async def setting(self, **fields: Any) -> AsyncIterator[None]:
        """Set settings of the domain, and back to what they are by default."""
        await self._update(settings_pb2.DomainSettings(**fields), *fields)
        try:
            yield
        finally:
            await self._update(settings_pb2.DomainSettings(), *fields)

    async def _update(self, settings: settings_pb2.DomainSettings, *paths: str) -> None:
        await self.settings.UpdateDomainSettings(
            settings_pb2.UpdateDomainSettingsRequest(settings=settings, update_mask=FieldMask(paths=paths))
        )

    @asynccontextmanager
    async def system(self, **fields: Any) -> AsyncIterator[str]:
        """A user system beside numbers and addresses; answers its id."""
        there = await self.systems.ListUserSystems(systems_pb2.ListUserSystemsRequest())
        if not there.user_systems:
            # Those that there are without any stay only where they are made.
            for usual in (
                user_system_pb2.UserSystem(mobile=user_system_pb2.MobileSettings()),
                user_system_pb2.UserSystem(email=user_system_pb2.EmailSettings()),
            ):
                await self.systems.CreateUserSystem(systems_pb2.CreateUserSystemRequest(user_system=usual))
        made = await self.systems.CreateUserSystem(
            systems_pb2.CreateUserSystemRequest(user_system=user_system_pb2.UserSystem(**fields))
        )
        try:
            yield made.user_system_id
        finally:
            await self.systems.DeleteUserSystem(systems_pb2.DeleteUserSystemRequest(user_system_id=made.user_system_id))
