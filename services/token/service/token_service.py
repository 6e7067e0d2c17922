"""TokenService, MintService and KeyService: convert, act, convert."""
# ruff: noqa: N802  gRPC names the methods as proto/ does

from typing import Any

from tessera.token.v1 import (
    token_pb2,
    token_service_pb2,
    token_service_pb2_grpc,
)

from services.runtime.auth import principal
from services.runtime.validation import checked_user_id
from services.token.actions.create_authorization_code import create_authorization_code
from services.token.actions.create_device_authorization import create_device_authorization
from services.token.actions.decide_device_authorization import decide_device_authorization
from services.token.actions.discard_token import discard_token
from services.token.actions.get_device_authorization import get_device_authorization
from services.token.actions.get_logon_app import get_logon_app
from services.token.actions.get_logon_domain import get_logon_domain
from services.token.actions.get_server_metadata import get_server_metadata
from services.token.actions.get_user import get_user
from services.token.actions.get_user_info import get_user_info
from services.token.actions.introspect_token import introspect_token
from services.token.actions.issue_token import issue_token
from services.token.actions.revoke_token import revoke_token
from services.token.actions.signing_keys.get_jwks import get_jwks
from services.token.actions.signing_keys.list_verification_keys import list_verification_keys
from services.token.actions.token import token
from services.token.actions.users.create_user_for_logon import create_user_for_logon
from services.token.convert import logon
from services.token.convert import tokens as convert
from services.token.convert.fields import checked_domain_id
from services.token.resources import Resources


class TokenServicer(token_service_pb2_grpc.TokenServiceServicer):
    """What strangers call."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def Token(self, request: token_service_pb2.TokenRequest, context: Any) -> token_pb2.Token:
        """Issue tokens for a grant."""
        asked = convert.read_token_request(request, convert.read_headers(context.invocation_metadata()))
        return convert.write_issued(await token(self._resources, request=asked))

    async def CreateDeviceAuthorization(
        self, request: token_service_pb2.CreateDeviceAuthorizationRequest, context: Any
    ) -> token_service_pb2.CreateDeviceAuthorizationResponse:
        """Begin a logon on a device without a browser."""
        asked = logon.read_device_request(request, convert.read_headers(context.invocation_metadata()))
        return logon.write_device_codes(await create_device_authorization(self._resources, request=asked))

    async def RevokeToken(
        self, request: token_service_pb2.RevokeTokenRequest, context: Any
    ) -> token_service_pb2.RevokeTokenResponse:
        """Revoke a token."""
        headers = convert.read_headers(context.invocation_metadata())
        await revoke_token(self._resources, request=convert.read_presented_token(request, headers))
        return token_service_pb2.RevokeTokenResponse()

    async def IntrospectToken(
        self, request: token_service_pb2.IntrospectTokenRequest, context: Any
    ) -> token_service_pb2.IntrospectTokenResponse:
        """Say whether a token is good."""
        asked = convert.read_presented_token(request, convert.read_headers(context.invocation_metadata()))
        return convert.write_introspection(await introspect_token(self._resources, request=asked))

    async def GetUserInfo(
        self, _request: token_service_pb2.GetUserInfoRequest, _context: Any
    ) -> token_service_pb2.GetUserInfoResponse:
        """Describe the caller."""
        return convert.write_user_info(await get_user_info(self._resources, principal()))

    async def GetJwks(
        self, request: token_service_pb2.GetJwksRequest, context: Any
    ) -> token_service_pb2.GetJwksResponse:
        """List an issuer's public keys."""
        host = convert.read_headers(context.invocation_metadata()).host
        return convert.write_jwks(await get_jwks(self._resources, domain_id=request.domain_id, host=host))

    async def GetServerMetadata(
        self, request: token_service_pb2.GetServerMetadataRequest, context: Any
    ) -> token_service_pb2.GetServerMetadataResponse:
        """Describe an issuer."""
        host = convert.read_headers(context.invocation_metadata()).host
        found = await get_server_metadata(self._resources, domain_id=request.domain_id, host=host)
        return convert.write_server_metadata(found)


class MintServicer(token_service_pb2_grpc.MintServiceServicer):
    """Tokens for users whom account has proven."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def IssueToken(self, request: token_service_pb2.IssueTokenRequest, _context: Any) -> token_pb2.Token:
        """Issue tokens for a user."""
        issued = await issue_token(
            self._resources,
            domain_id=checked_domain_id(request.domain_id),
            user_id=checked_user_id(request.user_id),
            client_id=request.client_id,
            proof=convert.read_proof(request.proof),
            actor=convert.read_actor(request),
            refuse_superadmins=request.refuse_superadmins,
        )
        return convert.write_issued(issued)

    async def DiscardToken(
        self, request: token_service_pb2.DiscardTokenRequest, _context: Any
    ) -> token_service_pb2.DiscardTokenResponse:
        """End the session of a Token that nobody was given."""
        domain_id, client_id, refresh_token = convert.read_discard(request)
        await discard_token(self._resources, domain_id=domain_id, client_id=client_id, refresh_token=refresh_token)
        return token_service_pb2.DiscardTokenResponse()

    async def GetLogonApp(
        self, request: token_service_pb2.GetLogonAppRequest, _context: Any
    ) -> token_service_pb2.GetLogonAppResponse:
        """Tell of an app what a page needs."""
        app, domain = await get_logon_app(self._resources, client_id=logon.read_logon_app(request))
        return logon.write_logon_app(app, domain, request.redirect_uri)

    async def CreateUserForLogon(
        self, request: token_service_pb2.CreateUserForLogonRequest, _context: Any
    ) -> token_service_pb2.CreateUserForLogonResponse:
        """Make a user who was proven."""
        caller = principal()
        new, request_id = logon.read_logon_user(request, caller)
        user_id = await create_user_for_logon(self._resources, caller, new=new, request=request_id)
        return token_service_pb2.CreateUserForLogonResponse(user_id=user_id)

    async def CreateAuthorizationCode(
        self, request: token_service_pb2.CreateAuthorizationCodeRequest, _context: Any
    ) -> token_service_pb2.CreateAuthorizationCodeResponse:
        """Make a code."""
        code = await create_authorization_code(self._resources, request=logon.read_code_request(request))
        return token_service_pb2.CreateAuthorizationCodeResponse(code=code)

    async def GetLogonDomain(
        self, request: token_service_pb2.GetLogonDomainRequest, _context: Any
    ) -> token_service_pb2.GetLogonDomainResponse:
        """Tell which domain a page is one of."""
        domain_id, host = logon.read_domain_query(request)
        domain = await get_logon_domain(self._resources, domain_id=domain_id, host=host)
        return token_service_pb2.GetLogonDomainResponse(domain_id=domain.domain_id, issuer=domain.issuer)

    async def GetDeviceAuthorization(
        self, request: token_service_pb2.GetDeviceAuthorizationRequest, _context: Any
    ) -> token_service_pb2.GetDeviceAuthorizationResponse:
        """Find what a device asks for."""
        domain_id, host, user_code = logon.read_device_query(request)
        found = await get_device_authorization(self._resources, domain_id=domain_id, host=host, user_code=user_code)
        return logon.write_device_authorization(found)

    async def DecideDeviceAuthorization(
        self, request: token_service_pb2.DecideDeviceAuthorizationRequest, _context: Any
    ) -> token_service_pb2.DecideDeviceAuthorizationResponse:
        """Write down what a user decided."""
        await decide_device_authorization(self._resources, decided=logon.read_device_decision(request))
        return token_service_pb2.DecideDeviceAuthorizationResponse()

    async def GetUser(
        self, request: token_service_pb2.GetUserRequest, _context: Any
    ) -> token_service_pb2.GetUserResponse:
        """Say who a user is."""
        domain_id, user_id = checked_domain_id(request.domain_id), checked_user_id(request.user_id)
        return convert.write_user(await get_user(self._resources, domain_id=domain_id, user_id=user_id))


class KeyServicer(token_service_pb2_grpc.KeyServiceServicer):
    """The keys by which services verify tokens."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        # What of them was written before: with many domains, writing all of them anew would hold up everybody.
        self._written: dict[str, token_pb2.VerificationKey] = {}

    async def ListVerificationKeys(
        self, _request: token_service_pb2.ListVerificationKeysRequest, _context: Any
    ) -> token_service_pb2.ListVerificationKeysResponse:
        """List every public key."""
        known = self._written
        self._written = {
            key.key_id: known.get(key.key_id) or convert.write_verification_key(key)
            for key in list_verification_keys(self._resources)
        }
        return token_service_pb2.ListVerificationKeysResponse(keys=self._written.values())
