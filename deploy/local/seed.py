"""Makes the demo domain's content by the admin RPCs, as an operator would."""

import asyncio
from typing import Any

import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tessera.account.v1 import account_admin_service_pb2 as account_pb2
from tessera.account.v1.account_admin_service_pb2_grpc import AccountAdminServiceStub
from tessera.token.v1 import token_admin_service_pb2 as token_pb2
from tessera.token.v1.token_admin_service_pb2_grpc import TokenAdminServiceStub
from tessera.token.v1.token_service_pb2 import TokenRequest
from tessera.token.v1.token_service_pb2_grpc import TokenServiceStub

from deploy.local.demo import Demo
from deploy.local.errors import CannotRun
from deploy.local.home import Home
from deploy.local.ports import Layout
from deploy.local.programs import DEFAULT_DOMAIN
from services.runtime.channel import open_channel

_PERMISSIONS = ("account.link", "account.describe", "token.impersonate")
_SCOPES = ("ACCOUNT.ALL", "DRIVE.ALL", "FILE.ALL", "USER.ALL")
_REDIRECT_URI = "http://127.0.0.1:8000/callback"
_TIMEOUT_SECONDS = 10


async def seed(layout: Layout, home: Home) -> Demo:
    """Make one of everything; the refresh token is left empty.

    Args:
        layout: where the services and the gateway are.
        home: where the operator's identity is.

    Raises:
        CannotRun: there is no identity, or a call was refused. What the calls before it made stays, and is nobody's.
    """
    async with open_channel(layout.peers("token")) as token, open_channel(layout.peers("account")) as account:
        try:
            return await _seed(layout, home, token, account)
        except grpc.aio.AioRpcError as error:
            raise CannotRun(f"the demo could not be made: {error.code().name}: {error.details()}") from error


async def _seed(layout: Layout, home: Home, token: grpc.aio.Channel, account: grpc.aio.Channel) -> Demo:
    client_id, client_secret = (
        home.identity(f"operator_{each}").read_text() for each in ("client_id", "client_secret")
    )
    request = TokenRequest(grant_type="client_credentials", client_id=client_id, client_secret=client_secret)
    issued = await TokenServiceStub(token).Token(request, timeout=_TIMEOUT_SECONDS)
    call: dict[str, Any] = {
        "metadata": (("authorization", f"Bearer {issued.access_token}"),),
        "timeout": _TIMEOUT_SECONDS,
    }
    tokens, accounts = TokenAdminServiceStub(token), AccountAdminServiceStub(account)

    private_pem, public_pem = await asyncio.to_thread(_key_pair)
    user = await tokens.CreateUser(token_pb2.CreateUserRequest(user_name="demo", nick_name="Demo"), **call)
    push = await tokens.CreatePushApp(token_pb2.CreatePushAppRequest(name="Demo push app"), **call)
    key = await tokens.CreateAccessKey(token_pb2.CreateAccessKeyRequest(permissions=_PERMISSIONS), **call)
    jwt_app = await tokens.CreateApp(
        token_pb2.CreateAppRequest(
            name="Demo JWT app", type=token_pb2.APP_TYPE_JWT, scopes=_SCOPES, public_key_pem=public_pem
        ),
        **call,
    )
    web_app = await tokens.CreateApp(
        token_pb2.CreateAppRequest(
            name="Demo web server",
            type=token_pb2.APP_TYPE_WEB_SERVER,
            redirect_uris=[_REDIRECT_URI],
            scopes=_SCOPES,
            permissions=_PERMISSIONS,
            push_access_ids=[push.access_id],
        ),
        **call,
    )
    for app in (jwt_app, web_app):
        await tokens.AllowApp(token_pb2.AllowAppRequest(client_id=app.client_id), **call)
    project = await accounts.CreateProject(account_pb2.CreateProjectRequest(name="Demo"), **call)
    identity = await accounts.CreateOpenAccount(
        account_pb2.CreateOpenAccountRequest(
            project_id=project.project_id,
            idp="ALIOS",
            open_id="12345",
            user_id=user.user_id,
            display_name="Demo",
            login_id="demo",
            mobile="13900001234",
            region="cn",
        ),
        **call,
    )
    return Demo(
        gateway=layout.gateway_url,
        domain_id=DEFAULT_DOMAIN,
        user_id=user.user_id,
        identity_id=identity.identity_id,
        project_id=project.project_id,
        client_id=web_app.client_id,
        client_secret=web_app.client_secret,
        redirect_uri=_REDIRECT_URI,
        jwt_client_id=jwt_app.client_id,
        jwt_private_key_pem=private_pem,
        access_key_id=key.access_key_id,
        access_key_secret=key.access_key_secret,
        push_access_id=str(push.access_id),
        push_secret_key=push.secret_key,
        refresh_token="",
    )


def _key_pair() -> tuple[str, str]:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
