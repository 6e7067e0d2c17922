"""What the calls need: made beforehand by the admin and internal RPCs, and never twice the same where a call spends it.

An operator makes apps, users and open accounts; account's service identity makes sessions and codes, as account does;
a server of the domain makes links, and its push app's bindings. Assertions are signed here.
"""

import asyncio
import base64
import itertools
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tessera.account.v1 import (
    account_admin_service_pb2,
    account_admin_service_pb2_grpc,
    account_service_pb2,
    account_service_pb2_grpc,
)
from tessera.binding.v1 import binding_pb2, binding_service_pb2, binding_service_pb2_grpc
from tessera.client import PrivateKeyJwt, open_channel
from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import (
    domain_service_pb2,
    domain_service_pb2_grpc,
    signing_key_service_pb2,
    signing_key_service_pb2_grpc,
    token_pb2,
    token_service_pb2,
    token_service_pb2_grpc,
    user_service_pb2,
    user_service_pb2_grpc,
)
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_admin_service_pb2_grpc as admin_pb2_grpc

from deploy.local.ports import Layout
from deploy.local.programs import DEFAULT_DOMAIN
from services.token.identities import Identities

Values = dict[str, str]
Advance = Callable[[int], None]

SPENT = {
    "refresh_token": "the refresh token of a session that nobody has refreshed, of the JWT app",
    "code": "an authorization code of the web app that nobody has redeemed",
    "assertion": "an assertion of the JWT app for a user that nobody has shown",
    "linked_user_id": "a user, and in `linked_identity` the `custom` identity that is linked to it for this call",
    "linked_identity": "see `linked_user_id`",
    "made_user_id": "a user that was made for this call",
    "bound_token": "a device token, and in `bound_account` the one account that it is bound to for this call",
    "bound_account": "see `bound_token`",
    "unique": "a text that was never there before: 32 hexadecimal digits",
}
KEPT = {
    "domain_id": "the domain",
    "user_id": "a user, whose links the run makes",
    "jwt_client_id": "the JWT app",
    "web_client_id": "the web app, a server of the domain",
    "web_client_secret": "its secret",
    "redirect_uri": "its redirect URI",
    "known_user_id": "a user with two links that stay",
    "known_identity": "a `custom` identity whose link stays",
    "known_token": "a device token with one account, which stays",
    "known_account": "an account with one device token, which stays",
    "known_access_token": "an access token of the web app for a user, whose session stays",
    "identity_id": "an open account",
}
PLACEHOLDERS = SPENT | KEPT
"""What may stand in a scenario. Those of `SPENT` are made for each call; those of `KEPT` are taken in turn."""

CREDENTIALS = {
    "none": "nobody",
    "server": "a server of the domain that may link, impersonate, describe, and administer users, by its access token",
    "user": "a user, by an access token with the scope `openid`",
    "push": "the same server for its push app, by an access token of five minutes",
    "push_basic": "the push app itself, by HTTP Basic, which the gateway alone takes",
}

_USERS = 50
_KNOWN = 100
_BATCH = 20
_AT_ONCE = 32
_TIMEOUT_SECONDS = 20
# What the token service takes at the most, less what a clock may be wrong.
_ASSERTION_SECONDS = 14 * 60
_PERMISSIONS = (
    *("account.link", "account.link.read", "account.describe", "account.delete"),
    *("token.impersonate", "token.user.read", "token.user.write"),
)
_SCOPES = ("ACCOUNT.ALL", "FILE.ALL")
_REDIRECT_URI = "https://app.example.com/callback"


@dataclass(frozen=True)
class _Apps:
    """The run's own apps, and what proves them."""

    jwt_client_id: str
    jwt_key: ec.EllipticCurvePrivateKey
    web_client_id: str
    web_client_secret: str
    push_access_id: int
    push_secret_key: str


class Mint:
    """Makes what the calls of one running stack need.

    Args:
        token: a channel to the token service.
        account: one to the account service.
        binding: one to the binding service.
        identities: those that the stack was started with.
    """

    def __init__(
        self, token: grpc.aio.Channel, account: grpc.aio.Channel, binding: grpc.aio.Channel, identities: Identities
    ) -> None:
        self._tokens = token_service_pb2_grpc.TokenServiceStub(token)
        self._minting = token_service_pb2_grpc.MintServiceStub(token)
        self._admin = admin_pb2_grpc.TokenAdminServiceStub(token)
        self._user_stub = user_service_pb2_grpc.UserServiceStub(token)
        self._domains = domain_service_pb2_grpc.DomainServiceStub(token)
        self._signing_keys = signing_key_service_pb2_grpc.SigningKeyServiceStub(token)
        self._accounts = account_service_pb2_grpc.AccountServiceStub(account)
        self._account_admin = account_admin_service_pb2_grpc.AccountAdminServiceStub(account)
        self._bindings = binding_service_pb2_grpc.BindingServiceStub(binding)
        self._identities = identities
        self._apps: _Apps
        self._users: list[str] = []
        self._known: list[Values] = []

    @property
    def push_access_id(self) -> int:
        """The push app for which `push` speaks."""
        return self._apps.push_access_id

    async def set_up(self) -> None:
        """Make the apps, the users, and what stays while the run lasts."""
        call = _call(await self._operator_token())
        self._apps = await self._make_apps(call)
        users = await _side_by_side([lambda: self._user(call)] * (_USERS + _KNOWN), _nobody)
        self._users, known_users = users[:_USERS], users[_USERS:]
        project = await self._account_admin.CreateProject(
            account_admin_service_pb2.CreateProjectRequest(name="Load"), **call
        )
        identities = await _side_by_side([lambda: self._open_account(call, project.project_id)] * _KNOWN, _nobody)
        owners = itertools.chain(known_users, known_users)
        server = _call(await self._server_token())
        links = await _side_by_side([lambda owner=owner: self._linked(server, owner) for owner in owners], _nobody)
        bindings = await self._make_bindings(_KNOWN, _nobody)
        access_tokens = await _side_by_side(
            [lambda owner=owner: self._user_token(owner) for owner in known_users], _nobody
        )
        self._known = [
            {
                "domain_id": DEFAULT_DOMAIN,
                "user_id": self._users[number % _USERS],
                "jwt_client_id": self._apps.jwt_client_id,
                "web_client_id": self._apps.web_client_id,
                "web_client_secret": self._apps.web_client_secret,
                "redirect_uri": _REDIRECT_URI,
                "known_user_id": links[number]["linked_user_id"],
                "known_identity": links[number]["linked_identity"],
                "known_token": bindings[number]["bound_token"],
                "known_account": bindings[number]["bound_account"],
                "known_access_token": access_tokens[number],
                "identity_id": identities[number],
            }
            for number in range(_KNOWN)
        ]

    async def make(self, placeholders: Collection[str], calls: int, advance: Advance) -> list[Values]:
        """Make what so many calls need.

        Args:
            placeholders: the names that a call needs.
            calls: how many of them.
            advance: told how many more were made, of as many as `calls` times `makings(placeholders)`.

        Returns:
            For each call the value of each placeholder, and of some that it did not ask for.
        """
        made = [dict(self._known[number % _KNOWN]) for number in range(calls)]
        for parts in [await make(calls, advance) for make in self._makers(placeholders)]:
            for values, part in zip(made, parts, strict=True):
                values.update(part)
        return made

    async def sign_by(self, algorithm: str) -> None:
        """Have the domain's access tokens signed by another algorithm: by one worker now, by the others in a second."""
        call = _call(await self._operator_token())
        domain = nouns_pb2.Domain(domain_id=DEFAULT_DOMAIN, algorithm=algorithm)
        await self._domains.UpdateDomain(domain_service_pb2.UpdateDomainRequest(domain=domain), **call)
        use = signing_key_service_pb2.SigningKey.USE_ACCESS
        request = signing_key_service_pb2.RotateSigningKeyRequest(use=use, immediately=True)
        answer = await self._signing_keys.RotateSigningKey(request, **call)
        assert answer.signing_key.algorithm == algorithm, answer

    async def make_access_key(self) -> tuple[str, str]:
        """An access key that may do what the server may: its id and its secret."""
        request = admin_pb2.CreateAccessKeyRequest(permissions=_PERMISSIONS)
        made = await self._admin.CreateAccessKey(request, **_call(await self._operator_token()))
        return str(made.access_key_id), str(made.access_key_secret)

    def makings(self, placeholders: Collection[str]) -> int:
        """How many things are to be made for a call."""
        return len(self._makers(placeholders))

    async def authorization(self, credential: str) -> str:
        """The value of `authorization` for a credential; empty for nobody's. Each time a new token."""
        apps = self._apps
        match credential:
            case "none":
                return ""
            case "server":
                return f"Bearer {await self._server_token()}"
            case "user":
                return f"Bearer {await self._user_token(self._users[0])}"
            case "push":
                return f"Bearer {await self._push_token()}"
            case "push_basic":
                pair = f"{apps.push_access_id}:{apps.push_secret_key}"
                return "Basic " + base64.b64encode(pair.encode()).decode()
        raise ValueError(credential)

    def _makers(self, placeholders: Collection[str]) -> list[Callable[[int, Advance], Awaitable[list[Values]]]]:
        makers = {
            self._make_sessions: {"refresh_token"},
            self._make_codes: {"code"},
            self._make_assertions: {"assertion"},
            self._make_links: {"linked_user_id", "linked_identity"},
            self._make_bindings: {"bound_token", "bound_account"},
            self._make_users: {"made_user_id"},
            self._make_texts: {"unique"},
        }
        return [make for make, made in makers.items() if made & set(placeholders)]

    async def _make_sessions(self, count: int, advance: Advance) -> list[Values]:
        call = _call(await self._account_token())

        async def make(user_id: str) -> Values:
            return {"refresh_token": (await self._issued(call, user_id, self._apps.jwt_client_id)).refresh_token}

        return await _side_by_side([lambda user=user: make(user) for user in self._some_users(count)], advance)

    async def _make_codes(self, count: int, advance: Advance) -> list[Values]:
        call = _call(await self._account_token())

        async def make(user_id: str) -> Values:
            request = token_service_pb2.CreateAuthorizationCodeRequest(
                domain_id=DEFAULT_DOMAIN,
                client_id=self._apps.web_client_id,
                user_id=user_id,
                redirect_uri=_REDIRECT_URI,
                proof=token_pb2.Proof(method="custom", identity=user_id),
            )
            return {"code": (await self._minting.CreateAuthorizationCode(request, **call)).code}

        return await _side_by_side([lambda user=user: make(user) for user in self._some_users(count)], advance)

    async def _make_assertions(self, count: int, advance: Advance) -> list[Values]:
        made = []
        for user_id in self._some_users(count):
            claims = _claims(self._apps.jwt_client_id, user_id, DEFAULT_DOMAIN) | {"sub_type": "user"}
            made.append({"assertion": jwt.encode(claims, self._apps.jwt_key, "ES256")})
            advance(1)
            await asyncio.sleep(0)
        return made

    async def _make_links(self, count: int, advance: Advance) -> list[Values]:
        call = _call(await self._server_token())
        return await _side_by_side(
            [lambda user=user: self._linked(call, user) for user in self._some_users(count)], advance
        )

    async def _make_bindings(self, count: int, advance: Advance) -> list[Values]:
        call = _call(await self._push_token())

        async def make(size: int) -> list[Values]:
            bound = [{"bound_token": uuid.uuid4().hex, "bound_account": uuid.uuid4().hex} for _ in range(size)]
            entries = [
                binding_pb2.TokenAccounts(
                    token=each["bound_token"], account_list=[binding_pb2.Account(account=each["bound_account"])]
                )
                for each in bound
            ]
            request = binding_service_pb2.BatchOperateAccountsRequest(operator_type=2, token_accounts=entries)
            answer = await self._bindings.BatchOperateAccounts(request, **call)
            assert answer.ret_code == 0, answer
            advance(size)
            return bound

        sizes = [min(_BATCH, count - start) for start in range(0, count, _BATCH)]
        batches = await _side_by_side([lambda size=size: make(size) for size in sizes], _nobody)
        return [each for batch in batches for each in batch]

    async def _make_users(self, count: int, advance: Advance) -> list[Values]:
        call = _call(await self._server_token())

        async def make() -> Values:
            return {"made_user_id": await self._user(call)}

        return await _side_by_side([make] * count, advance)

    async def _make_texts(self, count: int, advance: Advance) -> list[Values]:
        advance(count)
        return [{"unique": uuid.uuid4().hex} for _ in range(count)]

    async def _linked(self, call: dict[str, Any], user_id: str) -> Values:
        identity = uuid.uuid4().hex
        request = account_service_pb2.LinkAccountRequest(user_id=user_id, type="custom", identity=identity)
        await self._accounts.LinkAccount(request, **call)
        return {"linked_user_id": user_id, "linked_identity": identity}

    async def _user(self, call: dict[str, Any]) -> str:
        made = await self._user_stub.CreateUser(user_service_pb2.CreateUserRequest(), **call)
        return str(made.user_id)

    async def _user_token(self, user_id: str) -> str:
        call = _call(await self._account_token())
        return str((await self._issued(call, user_id, self._apps.web_client_id)).access_token)

    async def _issued(self, call: dict[str, Any], user_id: str, client_id: str) -> token_pb2.Token:
        request = token_service_pb2.IssueTokenRequest(
            domain_id=DEFAULT_DOMAIN,
            user_id=user_id,
            client_id=client_id,
            proof=token_pb2.Proof(method="custom", identity=user_id),
        )
        return await self._minting.IssueToken(request, **call)

    async def _open_account(self, call: dict[str, Any], project_id: str) -> str:
        request = account_admin_service_pb2.CreateOpenAccountRequest(
            project_id=project_id, idp="LOAD", open_id=uuid.uuid4().hex, display_name="Load", mobile="13900001234"
        )
        return str((await self._account_admin.CreateOpenAccount(request, **call)).identity_id)

    async def _make_apps(self, call: dict[str, Any]) -> _Apps:
        key = ec.generate_private_key(ec.SECP256R1())
        public_pem = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        push = await self._admin.CreatePushApp(admin_pb2.CreatePushAppRequest(name="Load"), **call)
        jwt_app = admin_pb2.CreateAppRequest(
            name="Load, by assertion", type=admin_pb2.APP_TYPE_JWT, scopes=_SCOPES, public_key_pem=public_pem.decode()
        )
        web_app = admin_pb2.CreateAppRequest(
            name="Load, a server",
            type=admin_pb2.APP_TYPE_WEB_SERVER,
            redirect_uris=[_REDIRECT_URI],
            scopes=(*_SCOPES, "openid"),
            permissions=_PERMISSIONS,
            push_access_ids=[push.access_id],
            device_flow=True,
        )
        by_assertion, server = [await self._admin.CreateApp(request, **call) for request in (jwt_app, web_app)]
        for app in (by_assertion, server):
            await self._admin.AllowApp(admin_pb2.AllowAppRequest(client_id=app.client_id), **call)
        return _Apps(
            jwt_client_id=by_assertion.client_id,
            jwt_key=key,
            web_client_id=server.client_id,
            web_client_secret=server.client_secret,
            push_access_id=push.access_id,
            push_secret_key=push.secret_key,
        )

    def _some_users(self, count: int) -> list[str]:
        return list(itertools.islice(itertools.cycle(self._users), count))

    async def _operator_token(self) -> str:
        return await self._by_secret(self._identities.operator_client_id, self._identities.operator_client_secret)

    async def _server_token(self) -> str:
        return await self._by_secret(self._apps.web_client_id, self._apps.web_client_secret)

    async def _push_token(self) -> str:
        scope = f"push:{self._apps.push_access_id}"
        return await self._by_secret(self._apps.web_client_id, self._apps.web_client_secret, scope=scope)

    async def _account_token(self) -> str:
        """An access token of account's service identity, got as account gets its own."""
        key = load_pem_private_key(self._identities.account_client_key.encode(), None)
        credential = PrivateKeyJwt(self._identities.account_client_id, key, audience=DEFAULT_DOMAIN)
        return await self._client_credentials(**credential.parameters())

    async def _by_secret(self, client_id: str, client_secret: str, **further: str) -> str:
        return await self._client_credentials(client_id=client_id, client_secret=client_secret, **further)

    async def _client_credentials(self, **parameters: str) -> str:
        request = token_service_pb2.TokenRequest(grant_type="client_credentials", **parameters)
        return str((await self._tokens.Token(request, timeout=_TIMEOUT_SECONDS)).access_token)


@asynccontextmanager
async def opened(layout: Layout, identities: Identities) -> AsyncIterator[Mint]:
    """A mint for a running stack, set up.

    Args:
        layout: where its services are.
        identities: those that it was started with.
    """
    async with (
        open_channel(*map(str, layout.peers("token")), retry=False) as token,
        open_channel(*map(str, layout.peers("account")), retry=False) as account,
        open_channel(*map(str, layout.peers("binding")), retry=False) as binding,
    ):
        mint = Mint(token, account, binding, identities)
        await mint.set_up()
        yield mint


async def _side_by_side(makings: list[Callable[[], Awaitable[Any]]], advance: Advance) -> list[Any]:
    """Do them all, some at a time; answers what came of them in their order. The first that fails is raised."""
    made: list[Any] = [None] * len(makings)
    waiting = iter(enumerate(makings))

    async def work() -> None:
        for number, make in waiting:
            made[number] = await make()
            advance(1)

    tasks = [asyncio.create_task(work()) for _ in range(_AT_ONCE)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return made


def _call(access_token: str) -> dict[str, Any]:
    """What every call of a caller with this token has beside its request."""
    return {"metadata": (("authorization", f"Bearer {access_token}"),), "timeout": _TIMEOUT_SECONDS}


def _claims(issuer: str, subject: str, audience: str) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": issuer,
        "sub": subject,
        "aud": audience,
        "jti": uuid.uuid4().hex,
        "iat": now,
        "exp": now + _ASSERTION_SECONDS,
    }


def _nobody(_: int) -> None:
    """Told of what is made where nobody asks."""
