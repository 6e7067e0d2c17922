"""Makes the demo domain's content by the admin RPCs, as an operator would."""

import asyncio
import dataclasses
from pathlib import Path

import grpc
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tessera.account.v1 import account_admin_service_pb2 as account_pb2
from tessera.account.v1.account_admin_service_pb2_grpc import AccountAdminServiceStub
from tessera.client import AccessTokens, Certificates, ClientSecret, TesseraError, open_channel
from tessera.token.v1 import token_admin_service_pb2 as token_pb2
from tessera.token.v1.token_admin_service_pb2_grpc import TokenAdminServiceStub
from tessera.token.v1.user_service_pb2 import CreateUserRequest
from tessera.token.v1.user_service_pb2_grpc import UserServiceStub

from deploy.local.demo import Demo
from deploy.local.errors import CannotRun
from deploy.local.home import Home
from deploy.local.ports import Layout
from deploy.local.programs import DEFAULT_DOMAIN

# All that an administrator may.
_PERMISSIONS = (
    "account.link",
    "account.describe",
    "account.delete",
    "token.impersonate",
    "token.user.read",
    "token.user.write",
    "token.session",
)
_SCOPES = ("ACCOUNT.ALL", "DRIVE.ALL", "FILE.ALL", "USER.ALL")


async def seed(layout: Layout, home: Home, certificates: Path | None = None) -> Demo:
    """Make one of everything; the refresh token is left empty.

    Args:
        layout: where the services and the gateway are.
        home: where the operator's identity is.
        certificates: folder of the operator's, where the services want one.

    Raises:
        CannotRun: there is no identity, or a call was refused. What the calls before it made stays, and is nobody's.
    """
    credential = ClientSecret(*home.operator())
    token, account = ([str(address) for address in layout.peers(service)] for service in ("token", "account"))
    tls = {name: Certificates(certificates, name) if certificates else None for name in ("token", "account")}
    try:
        async with open_channel(*token, tls=tls["token"]) as channel:
            access_tokens = AccessTokens(channel, credential)
            async with (
                open_channel(*token, access_tokens=access_tokens, tls=tls["token"]) as to_token,
                open_channel(*account, access_tokens=access_tokens, tls=tls["account"]) as to_account,
            ):
                return await _seed(layout, to_token, to_account)
    except TesseraError as error:
        raise CannotRun(f"the demo could not be made: {error}") from error


async def move(layout: Layout, home: Home, demo: Demo) -> Demo:
    """Have the demo app answered where it listens now. Raises `CannotRun`."""
    address = str(layout.peers("token")[0])
    try:
        async with open_channel(address) as channel:
            access_tokens = AccessTokens(channel, ClientSecret(*home.operator()))
            async with open_channel(address, access_tokens=access_tokens) as token:
                app = token_pb2.App(client_id=demo.client_id, redirect_uris=[layout.redirect_uri])
                await TokenAdminServiceStub(token).UpdateApp(token_pb2.UpdateAppRequest(app=app))
    except TesseraError as error:
        raise CannotRun(f"the demo app could not be moved: {error}") from error
    return dataclasses.replace(demo, redirect_uri=layout.redirect_uri)


async def _seed(layout: Layout, token: grpc.aio.Channel, account: grpc.aio.Channel) -> Demo:
    tokens, accounts = TokenAdminServiceStub(token), AccountAdminServiceStub(account)
    private_pem, public_pem = await asyncio.to_thread(_key_pair)
    user = await UserServiceStub(token).CreateUser(CreateUserRequest(user_name="demo", nick_name="Demo"))
    push = await tokens.CreatePushApp(token_pb2.CreatePushAppRequest(name="Demo push app"))
    key = await tokens.CreateAccessKey(token_pb2.CreateAccessKeyRequest(permissions=_PERMISSIONS))
    jwt_app = await tokens.CreateApp(
        token_pb2.CreateAppRequest(
            name="Demo JWT app", type=token_pb2.APP_TYPE_JWT, scopes=_SCOPES, public_key_pem=public_pem
        ),
    )
    web_app = await tokens.CreateApp(
        token_pb2.CreateAppRequest(
            name="Demo app",
            type=token_pb2.APP_TYPE_WEB_SERVER,
            redirect_uris=[layout.redirect_uri],
            # It logs users on, too.
            scopes=(*_SCOPES, "openid"),
            permissions=_PERMISSIONS,
            push_access_ids=[push.access_id],
            device_flow=True,
        ),
    )
    for app in (jwt_app, web_app):
        await tokens.AllowApp(token_pb2.AllowAppRequest(client_id=app.client_id))
    project = await accounts.CreateProject(account_pb2.CreateProjectRequest(name="Demo"))
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
    )
    return Demo(
        gateway=layout.gateway_url,
        domain_id=DEFAULT_DOMAIN,
        user_id=user.user_id,
        identity_id=identity.identity_id,
        project_id=project.project_id,
        client_id=web_app.client_id,
        client_secret=web_app.client_secret,
        redirect_uri=layout.redirect_uri,
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
