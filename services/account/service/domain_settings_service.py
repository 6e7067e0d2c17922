"""DomainSettingsService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.account.v1 import domain_settings_service_pb2 as settings_pb2
from tessera.account.v1 import domain_settings_service_pb2_grpc as settings_pb2_grpc

from services.account.actions.domain_settings.get_domain_settings import get_domain_settings
from services.account.actions.domain_settings.update_domain_settings import update_domain_settings
from services.account.convert import domain_settings as convert
from services.account.convert import fields
from services.account.resources import Resources
from services.runtime.auth import principal


class DomainSettingsServicer(settings_pb2_grpc.DomainSettingsServiceServicer):
    """What a domain lets its users do with their identities, and how it looks to them."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def GetDomainSettings(
        self, _request: settings_pb2.GetDomainSettingsRequest, _context: Any
    ) -> settings_pb2.DomainSettings:
        """Tell the settings."""
        return convert.write_settings(await get_domain_settings(self._resources, principal()))

    async def UpdateDomainSettings(
        self, request: settings_pb2.UpdateDomainSettingsRequest, _context: Any
    ) -> settings_pb2.DomainSettings:
        """Change the settings."""
        changes = convert.read_setting_changes(request)
        version = fields.read_etag(request.settings.etag)
        changed = await update_domain_settings(self._resources, principal(), version=version, changes=changes)
        return convert.write_settings(changed)
