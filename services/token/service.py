"""The servicers, in the order of proto/: convert, act, convert."""
# ruff: noqa: ARG002, N802 names and parameters are gRPC's

from typing import Any

from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_admin_service_pb2_grpc as admin_pb2_grpc
from tessera.token.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc

from services.runtime.auth import principal
from services.token import convert
from services.token.actions.allow_app import allow_app
from services.token.actions.create_access_key import create_access_key
from services.token.actions.create_app import create_app
from services.token.actions.create_authorization_code import create_authorization_code
from services.token.actions.create_push_app import create_push_app
from services.token.actions.create_user import create_user
from services.token.actions.get_jwks import get_jwks
from services.token.actions.get_server_metadata import get_server_metadata
from services.token.actions.get_user import get_user
from services.token.actions.issue_token import issue_token
from services.token.actions.list_verification_keys import list_verification_keys
from services.token.actions.resources import Resources
from services.token.actions.set_user_status import set_user_status
from services.token.actions.token import token


class TokenService(token_service_pb2_grpc.TokenServiceServicer):
    """What strangers call."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def Token(self, request: token_service_pb2.TokenRequest, context: Any) -> token_pb2.Token:
        """Issue tokens for a grant."""
        metadata = dict(context.invocation_metadata() or ())
        asked = convert.to_token_request(request, str(metadata.get("authorization", "")))
        return convert.from_issued(await token(asked, self._resources))

    async def GetJwks(
        self, request: token_service_pb2.GetJwksRequest, context: Any
    ) -> token_service_pb2.GetJwksResponse:
        """List an issuer's public keys."""
        return convert.from_keys(await get_jwks(request.domain_id, self._resources))

    async def GetServerMetadata(
        self, request: token_service_pb2.GetServerMetadataRequest, context: Any
    ) -> token_service_pb2.GetServerMetadataResponse:
        """Describe an issuer."""
        return convert.from_domain(await get_server_metadata(request.domain_id, self._resources))


class MintService(token_service_pb2_grpc.MintServiceServicer):
    """Tokens for users whom account has proven."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def IssueToken(self, request: token_service_pb2.IssueTokenRequest, context: Any) -> token_pb2.Token:
        """Issue tokens for a user."""
        issued = await issue_token(
            request.domain_id,
            convert.to_user_id(request.user_id),
            self._resources,
            client_id=request.client_id,
            proof=convert.to_proof(request.proof),
            actor=convert.to_actor(request),
        )
        return convert.from_issued(issued)

    async def CreateAuthorizationCode(
        self, request: token_service_pb2.CreateAuthorizationCodeRequest, context: Any
    ) -> token_service_pb2.CreateAuthorizationCodeResponse:
        """Make a code."""
        code = await create_authorization_code(convert.to_code_request(request), self._resources)
        return token_service_pb2.CreateAuthorizationCodeResponse(code=code)

    async def GetUser(
        self, request: token_service_pb2.GetUserRequest, context: Any
    ) -> token_service_pb2.GetUserResponse:
        """Say who a user is."""
        user = await get_user(request.domain_id, convert.to_user_id(request.user_id), self._resources)
        return convert.from_user(user)


class KeyService(token_service_pb2_grpc.KeyServiceServicer):
    """The keys by which services verify tokens."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def ListVerificationKeys(
        self, request: token_service_pb2.ListVerificationKeysRequest, context: Any
    ) -> token_service_pb2.ListVerificationKeysResponse:
        """List every public key."""
        return convert.from_verification_keys(list_verification_keys(self._resources))


class TokenAdminService(admin_pb2_grpc.TokenAdminServiceServicer):
    """What an operator sets up in the domain of its credential."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def CreateApp(self, request: admin_pb2.CreateAppRequest, context: Any) -> admin_pb2.CreateAppResponse:
        """Make an app."""
        client_id, secret = await create_app(convert.to_new_app(request), principal(), self._resources)
        return admin_pb2.CreateAppResponse(client_id=client_id, client_secret=secret)

    async def AllowApp(self, request: admin_pb2.AllowAppRequest, context: Any) -> admin_pb2.AllowAppResponse:
        """Admit an app."""
        await allow_app(request.client_id, principal(), self._resources)
        return admin_pb2.AllowAppResponse()

    async def CreateUser(self, request: admin_pb2.CreateUserRequest, context: Any) -> admin_pb2.CreateUserResponse:
        """Make a user."""
        user_id = await create_user(convert.to_new_user(request), principal(), self._resources)
        return admin_pb2.CreateUserResponse(user_id=user_id)

    async def SetUserStatus(
        self, request: admin_pb2.SetUserStatusRequest, context: Any
    ) -> admin_pb2.SetUserStatusResponse:
        """Enable or disable a user."""
        user_id, status = convert.to_user_id(request.user_id), convert.to_status(request.status)
        await set_user_status(user_id, status, principal(), self._resources)
        return admin_pb2.SetUserStatusResponse()

    async def CreateAccessKey(
        self, request: admin_pb2.CreateAccessKeyRequest, context: Any
    ) -> admin_pb2.CreateAccessKeyResponse:
        """Make an access key."""
        key_id, secret = await create_access_key(convert.to_permissions(request), principal(), self._resources)
        return admin_pb2.CreateAccessKeyResponse(access_key_id=key_id, access_key_secret=secret)

    async def CreatePushApp(
        self, request: admin_pb2.CreatePushAppRequest, context: Any
    ) -> admin_pb2.CreatePushAppResponse:
        """Make a push app."""
        name, tokens = convert.to_push_app_settings(request)
        access_id, secret = await create_push_app(
            name, tokens, principal(), self._resources, append_enabled=request.append_enabled
        )
        return admin_pb2.CreatePushAppResponse(access_id=access_id, secret_key=secret)
