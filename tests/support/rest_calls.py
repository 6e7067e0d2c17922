"""Every public call once, as a client makes it by REST, with what it needs to succeed.

What a call spends is made anew each time; what it finds is there before it. Any of them may be made twice, and in any
order.
"""

import base64
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tessera.client import AccessTokens, PrivateKeyJwt, open_channel
from tessera.token.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc

from deploy.local.stack import Stack
from services.token.identities import Identities
from tests.support.calls import bearer
from tests.support.stack import world_of

Body = dict[str, Any]

_USER = "rest-calls"
_IDENTITY = {"type": "mobile", "identity": "13900005678", "extra": "86"}
_ACCOUNT = {"account": "rest-calls@example.com", "account_type": 2}
_DEVICE = "rest-calls-device"


class Client:
    """Whoever makes the calls: the demo's people, and account's service, which alone mints codes."""

    def __init__(self, stack: Stack) -> None:
        self.world = world_of(stack)
        self._identities = Identities.read(stack.home.identities)

    async def headers(self, credential: str) -> dict[str, str]:
        """The `authorization` of a credential, by its name in docs/openapi.yaml; the empty name is a stranger's.

        `own_access_token` is an access token that a user has and no server.
        """
        demo = self.world.demo
        if credential == "push_app":
            return {"authorization": _basic(demo["push_access_id"], demo["push_secret_key"])}
        if credential == "client":
            return {"authorization": _basic(demo["client_id"], demo["client_secret"])}
        async with self.world.http() as http:
            if credential == "push_access_token":
                return await self.world.bearer(http, scope=f"push:{demo['push_access_id']}")
            if credential == "own_access_token":
                # A user of its own each time: each may ask for so many codes an hour.
                assertion = self.world.by_assertion(sub=f"user-{uuid.uuid4()}", auto_create=True)
                answer = await http.post("/v2/oauth/token", data=assertion)
                assert answer.status_code == 200, answer.text
                return dict(bearer(answer.json()["access_token"]))
            if credential == "openid":
                return dict(bearer((await self._session(http))["access_token"]))
            return await self.world.bearer(http) if credential else {}

    async def by_assertion(self) -> Body:
        return self.world.by_assertion()

    async def by_refresh_token(self) -> Body:
        async with self.world.http() as http:
            session = (await http.post("/v2/oauth/token", data=self.world.by_assertion())).json()
        client_id = self.world.demo["jwt_client_id"]
        return {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": session["refresh_token"]}

    async def by_code(self) -> Body:
        demo = self.world.demo
        address, identities = self.world.grpc["token"], self._identities
        account = PrivateKeyJwt(
            identities.account_client_id,
            load_pem_private_key(identities.account_client_key.encode(), None),
            audience=demo["domain_id"],
        )
        async with (
            open_channel(address) as token,
            open_channel(address, access_tokens=AccessTokens(token, account)) as channel,
        ):
            made = await token_service_pb2_grpc.MintServiceStub(channel).CreateAuthorizationCode(
                token_service_pb2.CreateAuthorizationCodeRequest(
                    domain_id=demo["domain_id"],
                    client_id=demo["client_id"],
                    user_id=demo["user_id"],
                    redirect_uri=demo["redirect_uri"],
                    proof=token_pb2.Proof(method="mobile", identity="13900001234"),
                )
            )
        return {
            "grant_type": "authorization_code",
            "client_id": demo["client_id"],
            "client_secret": demo["client_secret"],
            "code": made.code,
            "redirect_uri": demo["redirect_uri"],
        }

    async def _session(self, http: httpx.AsyncClient) -> Body:
        """A new session of the web app with the demo's user."""
        answer = await http.post("/v2/oauth/token", data=await self.by_code())
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def presented(self) -> Body:
        demo = self.world.demo
        async with self.world.http() as http:
            token = (await self._session(http))["access_token"]
        return {"token": token, "client_id": demo["client_id"], "client_secret": demo["client_secret"]}

    async def presented_refresh_token(self) -> Body:
        demo = self.world.demo
        async with self.world.http() as http:
            token = (await self._session(http))["refresh_token"]
        return {"token": token, "client_id": demo["client_id"], "client_secret": demo["client_secret"]}

    async def presented_by_basic(self) -> Body:
        return {"token": "unknown"}

    async def nothing(self) -> Body:
        return {}

    async def a_user(self) -> Body:
        return {"user_id": self.world.demo["user_id"]}

    async def by_secret(self) -> Body:
        return self.world.by_secret()

    async def by_secret_for_a_push_app(self) -> Body:
        return self.world.by_secret(scope=f"push:{self.world.demo['push_access_id']}")

    async def by_basic(self) -> Body:
        return {"grant_type": "client_credentials"}

    async def for_a_device(self) -> Body:
        demo = self.world.demo
        asked = {"scope": "FILE.ALL", "device_name": "Living room"}
        return asked | {"client_id": demo["client_id"], "client_secret": demo["client_secret"]}

    async def for_a_device_by_basic(self) -> Body:
        return {}

    async def to_create_user(self) -> Body:
        async with self.world.http() as http:
            gone = await http.post(
                "/v2/user/delete", json={"user_id": _USER}, headers=await self.headers("access_token")
            )
            assert gone.status_code in (200, 404), gone.text
        return {"user_id": _USER, "nick_name": "Ann", "user_data": {"department": "sales"}}

    async def created_user(self) -> Body:
        await self._made("/v2/user/create", await self.to_create_user(), "access_token")
        return {"user_id": _USER}

    async def to_update_user(self) -> Body:
        return await self.created_user() | {"nick_name": "", "description": "From the north"}

    async def to_list_users(self) -> Body:
        return {"limit": 1}

    async def to_link(self) -> Body:
        return _IDENTITY | {"user_id": self.world.demo["user_id"]}

    async def linked(self) -> Body:
        await self._made("/v2/account/link", await self.to_link(), "access_token")
        return dict(_IDENTITY)

    async def linked_to_user(self) -> Body:
        await self.linked()
        return {"user_id": self.world.demo["user_id"]}

    async def to_send(self) -> Body:
        return {"type": "link", "phone_number": f"139{uuid.uuid4().int % 100_000_000:08d}"}

    async def open_account(self) -> Body:
        return {"IdentityId": self.world.demo["identity_id"]}

    async def open_accounts(self) -> Body:
        return {"ProjectId": self.world.demo["project_id"], "Length": "1"}

    async def no_open_account(self) -> Body:
        return {"IdentityId": str(uuid.uuid4())}

    async def to_bind(self) -> Body:
        return {"operator_type": 2, "token_accounts": [{"token": _DEVICE, "account_list": [_ACCOUNT]}]}

    async def to_bind_in_part(self) -> Body:
        entries = [{"token": "", "account_list": [_ACCOUNT]}, {"token": _DEVICE, "account_list": [_ACCOUNT]}]
        return {"operator_type": 1, "token_accounts": entries}

    async def bound_account(self) -> Body:
        await self._made("/v3/device/account/batchoperate", await self.to_bind(), "push_app")
        return {"operator_type": 1, "account_list": [_ACCOUNT]}

    async def bound_device(self) -> Body:
        await self.bound_account()
        return {"operator_type": 2, "token_list": [_DEVICE]}

    async def _made(self, path: str, body: Body, credential: str) -> None:
        async with self.world.http() as http:
            answer = await http.post(path, json=body, headers=await self.headers(credential))
            assert answer.status_code == 200, answer.text
            assert answer.json().get("ret_code", 0) == 0, answer.text


@dataclass(frozen=True)
class RestCall:
    """One call.

    Args:
        rpc: `Service.Rpc`.
        path: as proto/ has it; a domain stands for `{domain_id}`.
        body: makes the request; without one it is a GET.
        credential: as in `Client.headers`.
    """

    rpc: str
    path: str
    body: Callable[[Client], Awaitable[Body]] | None = None
    credential: str = ""

    def __str__(self) -> str:
        return f"{self.rpc}-{self.body.__name__ if self.body else self.path}"


_TOKEN = "/v2/oauth/token"
_USERS = "/v2/user"
_ACCOUNTS = "/v2/account"
_DEVICES = "/v3/device/account"

REST_CALLS = [
    RestCall("TokenService.Token", _TOKEN, Client.by_assertion),
    RestCall("TokenService.Token", _TOKEN, Client.by_refresh_token),
    RestCall("TokenService.Token", _TOKEN, Client.by_code),
    RestCall("TokenService.Token", _TOKEN, Client.by_secret),
    RestCall("TokenService.Token", _TOKEN, Client.by_secret_for_a_push_app),
    RestCall("TokenService.Token", _TOKEN, Client.by_basic, "client"),
    RestCall("TokenService.CreateDeviceAuthorization", "/v2/oauth/device/code", Client.for_a_device),
    RestCall("TokenService.CreateDeviceAuthorization", "/v2/oauth/device/code", Client.for_a_device_by_basic, "client"),
    RestCall("TokenService.RevokeToken", "/v2/oauth/revoke", Client.presented),
    RestCall("TokenService.RevokeToken", "/v2/oauth/revoke", Client.presented_refresh_token),
    RestCall("TokenService.RevokeToken", "/v2/oauth/revoke", Client.presented_by_basic, "client"),
    RestCall("TokenService.IntrospectToken", "/v2/oauth/introspect", Client.presented),
    RestCall("TokenService.IntrospectToken", "/v2/oauth/introspect", Client.presented_refresh_token),
    RestCall("TokenService.IntrospectToken", "/v2/oauth/introspect", Client.presented_by_basic, "client"),
    RestCall("TokenService.GetUserInfo", "/v2/oauth/userinfo", None, "openid"),
    RestCall("TokenService.GetUserInfo", "/v2/oauth/userinfo", Client.nothing, "openid"),
    RestCall("AccessTokenService.GetAccessToken", "/v2/user/get_access_token", Client.a_user, "access_token"),
    RestCall("TokenService.GetJwks", "/.well-known/jwks.json"),
    RestCall("TokenService.GetJwks", "/d/bj1/.well-known/jwks.json"),
    RestCall("TokenService.GetServerMetadata", "/.well-known/oauth-authorization-server"),
    RestCall("TokenService.GetServerMetadata", "/.well-known/oauth-authorization-server/d/bj1"),
    RestCall("TokenService.GetServerMetadata", "/d/bj1/.well-known/oauth-authorization-server"),
    RestCall("UserService.CreateUser", f"{_USERS}/create", Client.to_create_user, "access_token"),
    RestCall("UserService.GetUser", f"{_USERS}/get", Client.created_user, "access_token"),
    RestCall("UserService.UpdateUser", f"{_USERS}/update", Client.to_update_user, "access_token"),
    RestCall("UserService.DeleteUser", f"{_USERS}/delete", Client.created_user, "access_token"),
    RestCall("UserService.ListUsers", f"{_USERS}/list", Client.to_list_users, "access_token"),
    RestCall("TokenService.GetServerMetadata", "/.well-known/openid-configuration"),
    RestCall("TokenService.GetServerMetadata", "/d/bj1/.well-known/openid-configuration"),
    RestCall("AccountService.LinkAccount", f"{_ACCOUNTS}/link", Client.to_link, "access_token"),
    RestCall("AccountService.GetLinkInfo", f"{_ACCOUNTS}/get_link_info", Client.linked, "access_token"),
    RestCall(
        "AccountService.GetLinkInfoByUserId",
        f"{_ACCOUNTS}/get_link_info_by_user_id",
        Client.linked_to_user,
        "access_token",
    ),
    RestCall("AccountService.UnlinkAccount", f"{_ACCOUNTS}/unlink", Client.to_link, "access_token"),
    RestCall("AccountService.SendSmsCode", f"{_ACCOUNTS}/send_sms_code", Client.to_send, "own_access_token"),
    RestCall("OpenAccountService.DescribeOpenAccount", "/rpc/DescribeOpenAccount", Client.open_account, "access_token"),
    RestCall("OpenAccountService.ListOpenAccounts", "/rpc/ListOpenAccounts", Client.open_accounts, "access_token"),
    RestCall(
        "OpenAccountService.ListOpenAccountLinks", "/rpc/ListOpenAccountLinks", Client.open_account, "access_token"
    ),
    RestCall("OpenAccountService.DeleteOpenAccount", "/rpc/DeleteOpenAccount", Client.no_open_account, "access_token"),
    RestCall("BindingService.BatchOperateAccounts", f"{_DEVICES}/batchoperate", Client.to_bind, "push_access_token"),
    RestCall(
        "BindingService.BatchOperateAccounts", f"{_DEVICES}/batchoperate", Client.to_bind_in_part, "push_access_token"
    ),
    RestCall("BindingService.QueryAccounts", f"{_DEVICES}/query", Client.bound_account, "push_access_token"),
    RestCall("BindingService.QueryAccounts", f"{_DEVICES}/query", Client.bound_device, "push_access_token"),
]


def _basic(identifier: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{identifier}:{secret}".encode()).decode()
