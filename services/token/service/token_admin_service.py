"""TokenAdminService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_admin_service_pb2_grpc as admin_pb2_grpc

from services.runtime.auth import principal
from services.runtime.errors import FieldMissing
from services.runtime.pages import Page
from services.token.actions.access_keys.create_access_key import create_access_key
from services.token.actions.access_keys.delete_access_key import delete_access_key
from services.token.actions.access_keys.get_access_key import get_access_key
from services.token.actions.access_keys.list_access_keys import list_access_keys
from services.token.actions.access_keys.update_access_key import update_access_key
from services.token.actions.apps.add_trusted_key import add_trusted_key
from services.token.actions.apps.allow_app import allow_app
from services.token.actions.apps.create_app import create_app
from services.token.actions.apps.create_app_secret import create_app_secret
from services.token.actions.apps.delete_app import delete_app
from services.token.actions.apps.delete_app_secret import delete_app_secret
from services.token.actions.apps.delete_trusted_key import delete_trusted_key
from services.token.actions.apps.disallow_app import disallow_app
from services.token.actions.apps.get_app import get_app
from services.token.actions.apps.list_apps import list_apps
from services.token.actions.apps.list_trusted_keys import list_trusted_keys
from services.token.actions.apps.update_app import update_app
from services.token.actions.apps.update_trusted_key import update_trusted_key
from services.token.actions.push_apps.create_push_app import create_push_app
from services.token.actions.push_apps.delete_push_app import delete_push_app
from services.token.actions.push_apps.get_push_app import get_push_app
from services.token.actions.push_apps.list_push_apps import list_push_apps
from services.token.actions.push_apps.rotate_push_app_secret import rotate_push_app_secret
from services.token.actions.push_apps.update_push_app import update_push_app
from services.token.convert import admin as convert
from services.token.jwk import read_trusted_key
from services.token.resources import Resources


class TokenAdminServicer(admin_pb2_grpc.TokenAdminServiceServicer):
    """What an operator sets up in the domain of its credential."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def CreateApp(self, request: admin_pb2.CreateAppRequest, _context: Any) -> admin_pb2.CreateAppResponse:
        """Make an app."""
        caller = principal()
        request_id = convert.read_request_id(request, caller)
        client_id, secret = await create_app(
            self._resources, caller, new=convert.read_new_app(request), request=request_id
        )
        return admin_pb2.CreateAppResponse(client_id=client_id, client_secret=secret)

    async def AllowApp(self, request: admin_pb2.AllowAppRequest, _context: Any) -> admin_pb2.AllowAppResponse:
        """Admit an app."""
        await allow_app(self._resources, principal(), client_id=request.client_id)
        return admin_pb2.AllowAppResponse()

    async def CreateAccessKey(
        self, request: admin_pb2.CreateAccessKeyRequest, _context: Any
    ) -> admin_pb2.CreateAccessKeyResponse:
        """Make an access key."""
        caller = principal()
        name, permissions, limits = convert.read_new_access_key(request)
        request_id = convert.read_request_id(request, caller)
        key_id, secret = await create_access_key(
            self._resources, caller, name=name, permissions=permissions, limits=limits, request=request_id
        )
        return admin_pb2.CreateAccessKeyResponse(access_key_id=key_id, access_key_secret=secret)

    async def CreatePushApp(
        self, request: admin_pb2.CreatePushAppRequest, _context: Any
    ) -> admin_pb2.CreatePushAppResponse:
        """Make a push app."""
        caller = principal()
        name, tokens_per_account = convert.read_push_app_settings(request)
        access_id, secret = await create_push_app(
            self._resources,
            caller,
            name=name,
            tokens_per_account=tokens_per_account,
            append_enabled=request.append_enabled,
            request=convert.read_request_id(request, caller),
        )
        return admin_pb2.CreatePushAppResponse(access_id=access_id, secret_key=secret)

    async def GetApp(self, request: admin_pb2.GetAppRequest, _context: Any) -> admin_pb2.App:
        """Tell how an app is set up."""
        return convert.write_app(await get_app(self._resources, principal(), client_id=request.client_id))

    async def ListApps(self, request: admin_pb2.ListAppsRequest, _context: Any) -> admin_pb2.ListAppsResponse:
        """List apps."""
        caller, app_type = principal(), convert.read_app_type(request.type)
        admitted = request.admitted if request.HasField("admitted") else None
        page = Page(request, ("ListApps", caller.domain_id, app_type, admitted))
        rows = await list_apps(
            self._resources, caller, after=page.after, limit=page.limit, app_type=app_type, admitted=admitted
        )
        shown, following = page.split(rows, lambda row: row.app.client_id)
        return admin_pb2.ListAppsResponse(apps=map(convert.write_app, shown), next_page_token=following)

    async def UpdateApp(self, request: admin_pb2.UpdateAppRequest, _context: Any) -> admin_pb2.App:
        """Change an app."""
        if not request.app.client_id:
            raise FieldMissing("app.client_id")
        changed = await update_app(
            self._resources,
            principal(),
            client_id=request.app.client_id,
            version=convert.read_etag(request.app.etag),
            changes=convert.read_app_changes(request),
        )
        return convert.write_app(changed)

    async def DeleteApp(self, request: admin_pb2.DeleteAppRequest, _context: Any) -> admin_pb2.DeleteAppResponse:
        """Take an app away."""
        version = convert.read_etag(request.etag)
        await delete_app(self._resources, principal(), client_id=request.client_id, version=version)
        return admin_pb2.DeleteAppResponse()

    async def DisallowApp(self, request: admin_pb2.DisallowAppRequest, _context: Any) -> admin_pb2.DisallowAppResponse:
        """Take an app's admission back."""
        await disallow_app(self._resources, principal(), client_id=request.client_id)
        return admin_pb2.DisallowAppResponse()

    async def CreateAppSecret(
        self, request: admin_pb2.CreateAppSecretRequest, _context: Any
    ) -> admin_pb2.CreateAppSecretResponse:
        """Make one more secret."""
        caller = principal()
        request_id = convert.read_request_id(request, caller)
        made, secret = await create_app_secret(self._resources, caller, client_id=request.client_id, request=request_id)
        return admin_pb2.CreateAppSecretResponse(secret_id=made, client_secret=secret)

    async def DeleteAppSecret(
        self, request: admin_pb2.DeleteAppSecretRequest, _context: Any
    ) -> admin_pb2.DeleteAppSecretResponse:
        """Take a secret away."""
        await delete_app_secret(self._resources, principal(), client_id=request.client_id, asked=request.secret_id)
        return admin_pb2.DeleteAppSecretResponse()

    async def AddTrustedKey(self, request: admin_pb2.AddTrustedKeyRequest, _context: Any) -> nouns_pb2.TrustedKey:
        """Trust one more key."""
        key = read_trusted_key(request.public_key_pem)
        added = await add_trusted_key(self._resources, principal(), client_id=request.client_id, key=key)
        return convert.write_trusted_key(added)

    async def ListTrustedKeys(
        self, request: admin_pb2.ListTrustedKeysRequest, _context: Any
    ) -> admin_pb2.ListTrustedKeysResponse:
        """List the keys of an app."""
        caller = principal()
        page = Page(request, ("ListTrustedKeys", caller.domain_id, request.client_id))
        rows = await list_trusted_keys(
            self._resources, caller, client_id=request.client_id, after=page.after, limit=page.limit
        )
        shown, following = page.split(rows, lambda row: row.key_id)
        keys = map(convert.write_trusted_key, shown)
        return admin_pb2.ListTrustedKeysResponse(keys=keys, next_page_token=following)

    async def UpdateTrustedKey(self, request: admin_pb2.UpdateTrustedKeyRequest, _context: Any) -> nouns_pb2.TrustedKey:
        """Enable or disable a key."""
        key = await update_trusted_key(
            self._resources, principal(), client_id=request.client_id, key_id=request.key_id, enabled=request.enabled
        )
        return convert.write_trusted_key(key)

    async def DeleteTrustedKey(
        self, request: admin_pb2.DeleteTrustedKeyRequest, _context: Any
    ) -> admin_pb2.DeleteTrustedKeyResponse:
        """Take a key away."""
        await delete_trusted_key(self._resources, principal(), client_id=request.client_id, key_id=request.key_id)
        return admin_pb2.DeleteTrustedKeyResponse()

    async def GetAccessKey(self, request: admin_pb2.GetAccessKeyRequest, _context: Any) -> nouns_pb2.AccessKey:
        """Tell how an access key is set up."""
        key = await get_access_key(self._resources, principal(), access_key_id=request.access_key_id)
        return convert.write_access_key(key)

    async def ListAccessKeys(
        self, request: admin_pb2.ListAccessKeysRequest, _context: Any
    ) -> admin_pb2.ListAccessKeysResponse:
        """List access keys."""
        caller = principal()
        page = Page(request, ("ListAccessKeys", caller.domain_id))
        rows = await list_access_keys(self._resources, caller, after=page.after, limit=page.limit)
        shown, following = page.split(rows, lambda row: row.access_key_id)
        keys = map(convert.write_access_key, shown)
        return admin_pb2.ListAccessKeysResponse(access_keys=keys, next_page_token=following)

    async def UpdateAccessKey(self, request: admin_pb2.UpdateAccessKeyRequest, _context: Any) -> nouns_pb2.AccessKey:
        """Change an access key."""
        if not request.access_key.access_key_id:
            raise FieldMissing("access_key.access_key_id")
        changed = await update_access_key(
            self._resources,
            principal(),
            access_key_id=request.access_key.access_key_id,
            version=convert.read_etag(request.access_key.etag),
            changes=convert.read_access_key_changes(request),
        )
        return convert.write_access_key(changed)

    async def DeleteAccessKey(
        self, request: admin_pb2.DeleteAccessKeyRequest, _context: Any
    ) -> admin_pb2.DeleteAccessKeyResponse:
        """Take an access key away."""
        version = convert.read_etag(request.etag)
        await delete_access_key(self._resources, principal(), access_key_id=request.access_key_id, version=version)
        return admin_pb2.DeleteAccessKeyResponse()

    async def GetPushApp(self, request: admin_pb2.GetPushAppRequest, _context: Any) -> nouns_pb2.PushApp:
        """Tell how a push app is set up."""
        push_app = await get_push_app(self._resources, principal(), access_id=request.access_id)
        return convert.write_push_app(push_app)

    async def ListPushApps(
        self, request: admin_pb2.ListPushAppsRequest, _context: Any
    ) -> admin_pb2.ListPushAppsResponse:
        """List push apps."""
        caller = principal()
        page = convert.push_app_page(request, caller.domain_id)
        rows = await list_push_apps(self._resources, caller, after=page.after, limit=page.limit)
        shown, following = page.split(rows, lambda row: row.access_id)
        push_apps = map(convert.write_push_app, shown)
        return admin_pb2.ListPushAppsResponse(push_apps=push_apps, next_page_token=following)

    async def UpdatePushApp(self, request: admin_pb2.UpdatePushAppRequest, _context: Any) -> nouns_pb2.PushApp:
        """Change a push app."""
        if not request.push_app.access_id:
            raise FieldMissing("push_app.access_id")
        changed = await update_push_app(
            self._resources,
            principal(),
            access_id=request.push_app.access_id,
            version=convert.read_etag(request.push_app.etag),
            changes=convert.read_push_app_changes(request),
        )
        return convert.write_push_app(changed)

    async def DeletePushApp(
        self, request: admin_pb2.DeletePushAppRequest, _context: Any
    ) -> admin_pb2.DeletePushAppResponse:
        """Take a push app away."""
        version = convert.read_etag(request.etag)
        await delete_push_app(self._resources, principal(), access_id=request.access_id, version=version)
        return admin_pb2.DeletePushAppResponse()

    async def RotatePushAppSecret(
        self, request: admin_pb2.RotatePushAppSecretRequest, _context: Any
    ) -> admin_pb2.RotatePushAppSecretResponse:
        """Replace a secret."""
        caller = principal()
        request_id = convert.read_request_id(request, caller)
        secret = await rotate_push_app_secret(self._resources, caller, access_id=request.access_id, request=request_id)
        return admin_pb2.RotatePushAppSecretResponse(secret_key=secret)
