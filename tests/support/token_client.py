"""Calls of a token service: what its operator sets up, and the tokens that apps get."""

import asyncio
import base64
from dataclasses import dataclass
from typing import Any

import grpc
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tessera.edge import external_auth_pb2_grpc
from tessera.token.v1 import (
    access_token_service_pb2,
    access_token_service_pb2_grpc,
    session_service_pb2_grpc,
    signing_key_service_pb2_grpc,
    token_pb2,
    token_service_pb2,
    token_service_pb2_grpc,
    user_service_pb2,
    user_service_pb2_grpc,
)
from tessera.token.v1 import domain_service_pb2 as domain_pb2
from tessera.token.v1 import domain_service_pb2_grpc as domain_pb2_grpc
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_admin_service_pb2_grpc as admin_pb2_grpc

from tests.support.calls import Metadata, bearer

REDIRECT_URI = "https://app.example.com/callback"
SCOPES = ("ACCOUNT.ALL", "FILE.ALL")

# One key for all tests: making one takes long.
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class App:
    """An app and what proves it."""

    client_id: str
    secret: str = ""
    key: Any = None

    def sign(self, claims: dict[str, Any], algorithm: str = "RS256", headers: dict[str, Any] | None = None) -> str:
        return jwt.encode(claims, self.key, algorithm, headers)


class TokenClient:
    """Stubs of a token service over one channel, and the credentials that its bootstrap made."""

    def __init__(self, channel: grpc.aio.Channel, made: dict[str, Any]) -> None:
        self.channel = channel
        self.made = made
        self.tokens = token_service_pb2_grpc.TokenServiceStub(channel)
        self.mint = token_service_pb2_grpc.MintServiceStub(channel)
        self.access_tokens = access_token_service_pb2_grpc.AccessTokenServiceStub(channel)
        self.keys = token_service_pb2_grpc.KeyServiceStub(channel)
        self.admin = admin_pb2_grpc.TokenAdminServiceStub(channel)
        self.signing_keys = signing_key_service_pb2_grpc.SigningKeyServiceStub(channel)
        self.domains = domain_pb2_grpc.DomainServiceStub(channel)
        self.users = user_service_pb2_grpc.UserServiceStub(channel)
        self.sessions = session_service_pb2_grpc.SessionServiceStub(channel)
        self.edge = external_auth_pb2_grpc.AuthorizationStub(channel)

    async def token(self, grant_type: str, *, metadata: Metadata | None = None, **parameters: str) -> token_pb2.Token:
        request = token_service_pb2.TokenRequest(grant_type=grant_type, **parameters)
        return await self.tokens.Token(request, metadata=metadata)

    async def by_secret(self, app: App, **parameters: str) -> token_pb2.Token:
        return await self.token("client_credentials", client_id=app.client_id, client_secret=app.secret, **parameters)

    async def revoke(self, app: App, token: str, *, metadata: Metadata | None = None, **parameters: str) -> None:
        parameters |= {"client_id": app.client_id, "client_secret": app.secret}
        await self.tokens.RevokeToken(
            token_service_pb2.RevokeTokenRequest(token=token, **parameters), metadata=metadata
        )

    async def introspect(self, app: App, token: str, **parameters: str) -> token_service_pb2.IntrospectTokenResponse:
        parameters |= {"client_id": app.client_id, "client_secret": app.secret}
        return await self.tokens.IntrospectToken(token_service_pb2.IntrospectTokenRequest(token=token, **parameters))

    async def user_info(self, access_token: str) -> token_service_pb2.GetUserInfoResponse:
        return await self.tokens.GetUserInfo(token_service_pb2.GetUserInfoRequest(), metadata=bearer(access_token))

    async def access_token(self, caller: Metadata, user_id: str) -> token_pb2.Token:
        request = access_token_service_pb2.GetAccessTokenRequest(user_id=user_id)
        return await self.access_tokens.GetAccessToken(request, metadata=caller)

    async def operator(self) -> Metadata:
        identity = self.made["operator"]
        answer = await self.by_secret(App(identity["client_id"], identity["client_secret"]))
        return bearer(answer.access_token)

    async def tenant(self, domain_id: str) -> "TokenClient":
        """A new domain, seen by its operator, from when its keys are known."""
        request = domain_pb2.CreateDomainRequest(domain_id=domain_id)
        made = await self.domains.CreateDomain(request, metadata=await self.operator())
        operator = {"client_id": made.client_id, "client_secret": made.client_secret}
        tenant = TokenClient(self.channel, {"operator": operator, "domain_id": domain_id, "user_id": made.user_id})
        async with asyncio.timeout(30):
            while True:
                try:
                    await tenant.operator()
                except grpc.aio.AioRpcError as error:
                    assert error.code() is grpc.StatusCode.UNAVAILABLE, error  # noqa: PT017 no other may pass
                    await asyncio.sleep(0.1)
                else:
                    return tenant

    async def app(self, app_type: int, *, admit: bool = True, key: Any = None, **fields: Any) -> App:
        fields.setdefault("scopes", SCOPES)
        if key:
            fields["public_key_pem"] = public_pem(key)
        request = admin_pb2.CreateAppRequest(name="app", type=app_type, **fields)
        operator = await self.operator()
        made = await self.admin.CreateApp(request, metadata=operator)
        if admit:
            await self.admin.AllowApp(admin_pb2.AllowAppRequest(client_id=made.client_id), metadata=operator)
        return App(made.client_id, made.client_secret, key)

    async def web_app(self, **fields: Any) -> App:
        return await self.app(admin_pb2.APP_TYPE_WEB_SERVER, redirect_uris=[REDIRECT_URI], **fields)

    async def native_app(self, **fields: Any) -> App:
        return await self.app(admin_pb2.APP_TYPE_NATIVE, redirect_uris=[REDIRECT_URI], **fields)

    async def jwt_app(self, key: Any = RSA_KEY, **fields: Any) -> App:
        return await self.app(admin_pb2.APP_TYPE_JWT, key=key, **fields)

    async def caller(self, *permissions: str, **fields: Any) -> Metadata:
        """A new app that holds these permissions, and calls by them."""
        answer = await self.by_secret(await self.web_app(permissions=permissions, **fields))
        return bearer(answer.access_token)

    async def user(self, **fields: Any) -> str:
        request = user_service_pb2.CreateUserRequest(**fields)
        return (await self.users.CreateUser(request, metadata=await self.operator())).user_id

    async def make_superadmin(self, caller: Metadata) -> str:
        request = user_service_pb2.CreateUserRequest(role="superadmin")
        return (await self.users.CreateUser(request, metadata=caller)).user_id

    async def update_user(self, user_id: str, **fields: Any) -> user_service_pb2.User:
        request = user_service_pb2.UpdateUserRequest(user_id=user_id, **fields)
        return await self.users.UpdateUser(request, metadata=await self.operator())

    async def set_status(self, user_id: str, status: str) -> None:
        await self.update_user(user_id, status=status)

    async def delete_user(self, user_id: str, **fields: str) -> None:
        request = user_service_pb2.DeleteUserRequest(user_id=user_id, **fields)
        await self.users.DeleteUser(request, metadata=await self.operator())

    async def push_app(self, **fields: Any) -> admin_pb2.CreatePushAppResponse:
        request = admin_pb2.CreatePushAppRequest(name="push", **fields)
        return await self.admin.CreatePushApp(request, metadata=await self.operator())

    async def push_token(self, access_id: int) -> str:
        """An access token for a push app, of a new app that may use it."""
        app = await self.web_app(push_access_ids=[access_id])
        return (await self.by_secret(app, scope=f"push:{access_id}")).access_token


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def public_pem(key: Any) -> str:
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def new_p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def content(token: str) -> dict[str, Any]:
    """What a JWT says, unverified."""
    return jwt.decode(token, options={"verify_signature": False})
