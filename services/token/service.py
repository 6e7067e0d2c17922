"""The token service's servicers, in the order of proto/: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.token.v1 import (
    access_token_service_pb2,
    access_token_service_pb2_grpc,
    token_pb2,
    token_service_pb2,
    token_service_pb2_grpc,
)
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_admin_service_pb2_grpc as admin_pb2_grpc

from services.runtime.auth import principal
from services.token import convert
from services.token.actions.allow_app import allow_app
from services.token.actions.create_access_key import create_access_key
from services.token.actions.create_app import create_app
from services.token.actions.create_authorization_code import create_authorization_code
from services.token.actions.create_push_app import create_push_app
from services.token.actions.create_user import create_user
from services.token.actions.get_access_token import get_access_token
from services.token.actions.get_jwks import get_jwks
from services.token.actions.get_server_metadata import get_server_metadata
from services.token.actions.get_user import get_user
from services.token.actions.get_user_info import get_user_info
from services.token.actions.introspect_token import introspect_token
from services.token.actions.issue_token import issue_token
from services.token.actions.list_verification_keys import list_verification_keys
from services.token.actions.revoke_token import revoke_token
from services.token.actions.set_user_status import set_user_status
from services.token.actions.token import token
from services.token.resources import Resources


class TokenServicer(token_service_pb2_grpc.TokenServiceServicer):
    """What strangers call."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def Token(self, request: token_service_pb2.TokenRequest, context: Any) -> token_pb2.Token:
        """Issue tokens for a grant."""
        asked = convert.read_token_request(request, _authorization(context))
        return convert.write_issued(await token(self._resources, request=asked))

    async def RevokeToken(
        self, request: token_service_pb2.RevokeTokenRequest, context: Any
    ) -> token_service_pb2.RevokeTokenResponse:
        """Revoke a token."""
        await revoke_token(self._resources, request=convert.read_presented_token(request, _authorization(context)))
        return token_service_pb2.RevokeTokenResponse()

    async def IntrospectToken(
        self, request: token_service_pb2.IntrospectTokenRequest, context: Any
    ) -> token_service_pb2.IntrospectTokenResponse:
        """Say whether a token is good."""
        asked = convert.read_presented_token(request, _authorization(context))
        return convert.write_introspection(await introspect_token(self._resources, request=asked))

    async def GetUserInfo(
        self, _request: token_service_pb2.GetUserInfoRequest, _context: Any
    ) -> token_service_pb2.GetUserInfoResponse:
        """Describe the caller."""
        return convert.write_user_info(await get_user_info(self._resources, principal()))

    async def GetJwks(
        self, request: token_service_pb2.GetJwksRequest, _context: Any
    ) -> token_service_pb2.GetJwksResponse:
        """List an issuer's public keys."""
        return convert.write_jwks(await get_jwks(self._resources, domain_id=request.domain_id))

    async def GetServerMetadata(
        self, request: token_service_pb2.GetServerMetadataRequest, _context: Any
    ) -> token_service_pb2.GetServerMetadataResponse:
        """Describe an issuer."""
        return convert.write_server_metadata(await get_server_metadata(self._resources, domain_id=request.domain_id))


class MintServicer(token_service_pb2_grpc.MintServiceServicer):
    """Tokens for users whom account has proven."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def IssueToken(self, request: token_service_pb2.IssueTokenRequest, _context: Any) -> token_pb2.Token:
        """Issue tokens for a user."""
        issued = await issue_token(
            self._resources,
            domain_id=convert.checked_domain_id(request.domain_id),
            user_id=convert.checked_user_id(request.user_id),
            client_id=request.client_id,
            proof=convert.read_proof(request.proof),
            actor=convert.read_actor(request),
        )
        return convert.write_issued(issued)

    async def CreateAuthorizationCode(
        self, request: token_service_pb2.CreateAuthorizationCodeRequest, _context: Any
    ) -> token_service_pb2.CreateAuthorizationCodeResponse:
        """Make a code."""
        code = await create_authorization_code(self._resources, request=convert.read_code_request(request))
        return token_service_pb2.CreateAuthorizationCodeResponse(code=code)

    async def GetUser(
        self, request: token_service_pb2.GetUserRequest, _context: Any
    ) -> token_service_pb2.GetUserResponse:
        """Say who a user is."""
        domain_id, user_id = convert.checked_domain_id(request.domain_id), convert.checked_user_id(request.user_id)
        return convert.write_user(await get_user(self._resources, domain_id=domain_id, user_id=user_id))


class KeyServicer(token_service_pb2_grpc.KeyServiceServicer):
    """The keys by which services verify tokens."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def ListVerificationKeys(
        self, _request: token_service_pb2.ListVerificationKeysRequest, _context: Any
    ) -> token_service_pb2.ListVerificationKeysResponse:
        """List every public key."""
        return convert.write_verification_keys(list_verification_keys(self._resources))


class AccessTokenServicer(access_token_service_pb2_grpc.AccessTokenServiceServicer):
    """Tokens of users for servers that know them."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def GetAccessToken(
        self, request: access_token_service_pb2.GetAccessTokenRequest, _context: Any
    ) -> token_pb2.Token:
        """Issue tokens for a user."""
        user_id = convert.checked_user_id(request.user_id)
        return convert.write_issued(await get_access_token(self._resources, principal(), user_id=user_id))


class TokenAdminServicer(admin_pb2_grpc.TokenAdminServiceServicer):
    """What an operator sets up in the domain of its credential."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def CreateApp(self, request: admin_pb2.CreateAppRequest, _context: Any) -> admin_pb2.CreateAppResponse:
        """Make an app."""
        client_id, secret = await create_app(self._resources, principal(), new=convert.read_new_app(request))
        return admin_pb2.CreateAppResponse(client_id=client_id, client_secret=secret)

    async def AllowApp(self, request: admin_pb2.AllowAppRequest, _context: Any) -> admin_pb2.AllowAppResponse:
        """Admit an app."""
        await allow_app(self._resources, principal(), client_id=request.client_id)
        return admin_pb2.AllowAppResponse()

    async def CreateUser(self, request: admin_pb2.CreateUserRequest, _context: Any) -> admin_pb2.CreateUserResponse:
        """Make a user."""
        user_id = await create_user(self._resources, principal(), new=convert.read_new_user(request))
        return admin_pb2.CreateUserResponse(user_id=user_id)

    async def SetUserStatus(
        self, request: admin_pb2.SetUserStatusRequest, _context: Any
    ) -> admin_pb2.SetUserStatusResponse:
        """Enable or disable a user."""
        user_id, status = convert.checked_user_id(request.user_id), convert.checked_status(request.status)
        await set_user_status(self._resources, principal(), user_id=user_id, status=status)
        return admin_pb2.SetUserStatusResponse()

    async def CreateAccessKey(
        self, request: admin_pb2.CreateAccessKeyRequest, _context: Any
    ) -> admin_pb2.CreateAccessKeyResponse:
        """Make an access key."""
        permissions = convert.read_permissions(request)
        key_id, secret = await create_access_key(self._resources, principal(), permissions=permissions)
        return admin_pb2.CreateAccessKeyResponse(access_key_id=key_id, access_key_secret=secret)

    async def CreatePushApp(
        self, request: admin_pb2.CreatePushAppRequest, _context: Any
    ) -> admin_pb2.CreatePushAppResponse:
        """Make a push app."""
        name, tokens_per_account = convert.read_push_app_settings(request)
        access_id, secret = await create_push_app(
            self._resources,
            principal(),
            name=name,
            tokens_per_account=tokens_per_account,
            append_enabled=request.append_enabled,
        )
        return admin_pb2.CreatePushAppResponse(access_id=access_id, secret_key=secret)


def _authorization(context: Any) -> str:
    """The call's `authorization`, where the client may prove itself; may be empty."""
    return str(dict(context.invocation_metadata() or ()).get("authorization", ""))
