"""A client that is not ours: Authlib's OAuth2Session finds everything by the metadata, and uses every grant.

What the tokens say is verified by joserfc, with the keys that the metadata name.
"""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import joserfc.jwk
import joserfc.jws
import joserfc.jwt
import pytest
import pytest_asyncio
import requests
from authlib.integrations.requests_client import AssertionSession, OAuth2Session, OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from tessera.client import AccessTokens, PrivateKeyJwt, open_channel
from tessera.token.v1 import token_admin_service_pb2 as admin_pb2
from tessera.token.v1 import token_pb2, token_service_pb2, token_service_pb2_grpc

from deploy.local.stack import Stack
from services.token.actions.grants.token_exchange import ACCESS_TOKEN_TYPE
from services.token.actions.phases.admission import TOKEN_EXCHANGE
from services.token.identities import Identities
from tests.support.stack import world_of
from tests.support.token_client import REDIRECT_URI, RSA_KEY, App, TokenClient
from tests.support.world import World

SCOPES = ("openid", "FILE.ALL", "ACCOUNT.ALL")
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@dataclass(frozen=True)
class Setting:
    """The operator, and account's service as the page on which users log on."""

    world: World
    operator: TokenClient
    mint: token_service_pb2_grpc.MintServiceStub

    async def log_on(self, authorization_url: str, user_id: str, domain_id: str = "") -> str:
        """What the page redirects to that a client sends its user to, when the user is proven; in the demo's domain."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(authorization_url).query).items()}
        assert asked["response_type"] == "code"
        made = await self.mint.CreateAuthorizationCode(
            token_service_pb2.CreateAuthorizationCodeRequest(
                domain_id=domain_id or self.world.demo["domain_id"],
                client_id=asked["client_id"],
                user_id=user_id,
                redirect_uri=asked["redirect_uri"],
                scope=asked["scope"],
                code_challenge=asked.get("code_challenge", ""),
                nonce=asked.get("nonce", ""),
                proof=token_pb2.Proof(method="mobile", identity="13900001234"),
            )
        )
        return asked["redirect_uri"] + "?" + urlencode({"code": made.code, "state": asked["state"]})


@pytest_asyncio.fixture(scope="module")
async def setting(stack: Stack) -> AsyncIterator[Setting]:
    world = world_of(stack)
    identities = Identities.read(stack.home.identities)
    key = load_pem_private_key(identities.account_client_key.encode(), None)
    credential = PrivateKeyJwt(identities.account_client_id, key, audience=world.demo["domain_id"])
    async with (
        open_channel(world.grpc["token"]) as plain,
        open_channel(world.grpc["token"], access_tokens=AccessTokens(plain, credential)) as minting,
    ):
        yield Setting(world, TokenClient(plain, identities.as_json()), token_service_pb2_grpc.MintServiceStub(minting))


@pytest.fixture(scope="module")
def metadata(setting: Setting) -> dict[str, Any]:
    answer = requests.get(f"{setting.world.gateway}/.well-known/openid-configuration", timeout=20)
    return dict(answer.json())


async def in_thread(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """The library's sessions block; the stack's output is read meanwhile."""
    return await asyncio.to_thread(call, *arguments, **named)


def session(metadata: dict[str, Any], app: App, way: str, **more: Any) -> OAuth2Session:
    made = OAuth2Session(
        app.client_id,
        app.secret or app.key,
        token_endpoint_auth_method=way,
        revocation_endpoint_auth_method=way,
        **more,
    )
    made.register_client_auth_method(PrivateKeyJWT(metadata["token_endpoint"]))
    return made


def verified(metadata: dict[str, Any], token: str) -> dict[str, Any]:
    keys = joserfc.jwk.KeySet.import_key_set(requests.get(metadata["jwks_uri"], timeout=20).json())
    algorithms = metadata["id_token_signing_alg_values_supported"]
    claims = dict(joserfc.jwt.decode(token, keys, algorithms=algorithms).claims)
    assert claims["iss"] == metadata["issuer"]
    assert claims["exp"] > time.time()
    return claims


async def logged_on(
    setting: Setting, metadata: dict[str, Any], client: OAuth2Session, user_id: str, **parameters: str
) -> dict[str, Any]:
    """Send the user away, and take what it comes back with."""
    url, _ = client.create_authorization_url(metadata["authorization_endpoint"], **parameters)
    back = await setting.log_on(url, user_id)
    kept = {name: value for name, value in parameters.items() if name == "code_verifier"}
    return dict(await in_thread(client.fetch_token, metadata["token_endpoint"], authorization_response=back, **kept))


async def test_discovery_in_every_place(setting: Setting, metadata: dict[str, Any]) -> None:
    domain_id = setting.world.demo["domain_id"]
    async with setting.world.http() as http:
        for path in (
            "/.well-known/oauth-authorization-server",
            f"/.well-known/oauth-authorization-server/d/{domain_id}",
            f"/d/{domain_id}/.well-known/oauth-authorization-server",
            f"/d/{domain_id}/.well-known/openid-configuration",
        ):
            assert (await http.get(path)).json() == metadata
    assert metadata["issuer"] == setting.world.gateway
    endpoints = {name: url for name, url in metadata.items() if name.endswith("_endpoint")}
    assert {name.removesuffix("_endpoint"): urlsplit(url).path for name, url in endpoints.items()} == {
        "authorization": "/v2/oauth/authorize",
        "token": "/v2/oauth/token",
        "userinfo": "/v2/oauth/userinfo",
        "revocation": "/v2/oauth/revoke",
        "introspection": "/v2/oauth/introspect",
        "device_authorization": "/v2/oauth/device/code",
    }
    assert metadata["authorization_response_iss_parameter_supported"] is True
    assert metadata["request_uri_parameter_supported"] is False


async def test_an_issuer_beside_it(setting: Setting, metadata: dict[str, Any]) -> None:
    """Another domain's, under /d/: what its metadata name serves its clients, and its tokens are nobody else's."""
    gateway, domain_id = setting.world.gateway, f"d{uuid.uuid4().hex[:8]}"
    tenant = await setting.operator.tenant(domain_id)
    async with setting.world.http() as http:
        theirs = (await http.get(f"/.well-known/oauth-authorization-server/d/{domain_id}")).json()
        assert (await http.get(f"/d/{domain_id}/.well-known/openid-configuration")).json() == theirs
        ours = {key["kid"] for key in (await http.get(metadata["jwks_uri"])).json()["keys"]}
    assert (theirs["issuer"], theirs["jwks_uri"]) == (
        f"{gateway}/d/{domain_id}",
        f"{gateway}/d/{domain_id}/.well-known/jwks.json",
    )
    app, user_id = await tenant.web_app(scopes=SCOPES), await tenant.user(user_name="eve")
    client = session(theirs, app, "client_secret_basic", scope="openid", redirect_uri=REDIRECT_URI)
    url, _ = client.create_authorization_url(theirs["authorization_endpoint"])
    back = await setting.log_on(url, user_id, domain_id)
    token = await in_thread(client.fetch_token, theirs["token_endpoint"], authorization_response=back)
    for kind in ("access_token", "id_token"):
        assert verified(theirs, token[kind])["sub"] == user_id
        assert joserfc.jws.extract_compact(token[kind].encode()).headers()["kid"] not in ours
    answer = await in_thread(client.get, theirs["userinfo_endpoint"], timeout=20)
    assert (answer.json()["sub"], answer.json()["preferred_username"]) == (user_id, "eve")
    token = await in_thread(client.refresh_token, theirs["token_endpoint"])
    asking = session(metadata, await setting.operator.web_app(), "client_secret_basic")
    for asked, active in ((client, True), (asking, False)):
        answer = await in_thread(asked.introspect_token, theirs["introspection_endpoint"], token=token["access_token"])
        assert answer.json()["active"] is active
    await in_thread(client.revoke_token, theirs["revocation_endpoint"], token["refresh_token"])
    answer = await in_thread(client.introspect_token, theirs["introspection_endpoint"], token=token["access_token"])
    assert answer.json() == {"active": False}


async def test_a_code_with_pkce_an_id_token_and_who_it_is(setting: Setting, metadata: dict[str, Any]) -> None:
    app = await setting.operator.native_app(scopes=SCOPES)
    user_id = await setting.operator.user(user_name="ada", nick_name="Ada")
    client = session(
        metadata, app, "none", scope="openid FILE.ALL", redirect_uri=REDIRECT_URI, code_challenge_method="S256"
    )
    nonce = uuid.uuid4().hex
    token = await logged_on(setting, metadata, client, user_id, code_verifier=VERIFIER, nonce=nonce)
    identity, access = verified(metadata, token["id_token"]), verified(metadata, token["access_token"])
    assert (identity["aud"], identity["nonce"], identity["sub"]) == (app.client_id, nonce, user_id)
    assert (access["aud"], access["scope"], access["sid"]) == (metadata["issuer"], "openid FILE.ALL", identity["sid"])
    answer = await in_thread(client.get, metadata["userinfo_endpoint"], timeout=20)
    assert (answer.status_code, answer.json()["sub"], answer.json()["name"]) == (200, user_id, "Ada")
    posted = await in_thread(client.post, metadata["userinfo_endpoint"], timeout=20)
    assert posted.json() == answer.json()

    # Without the verifier, or with another one, there is nothing.
    for wrong in ({}, {"code_verifier": "x" * 43}):
        url, _ = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=VERIFIER)
        back = await setting.log_on(url, user_id)
        with pytest.raises(OAuthError, match="invalid_grant"):
            await in_thread(client.fetch_token, metadata["token_endpoint"], authorization_response=back, **wrong)


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post"])
async def test_refreshed_introspected_revoked(setting: Setting, metadata: dict[str, Any], way: str) -> None:
    app = await setting.operator.web_app(scopes=SCOPES)
    client = session(metadata, app, way, scope="FILE.ALL", redirect_uri=REDIRECT_URI)
    user_id = await setting.operator.user(user_name="ada")
    first = await logged_on(setting, metadata, client, user_id)
    assert "id_token" not in first
    second = await in_thread(client.refresh_token, metadata["token_endpoint"])
    assert second["refresh_token"] != first["refresh_token"]

    async def introspect(kind: str) -> dict[str, Any]:
        answer = await in_thread(
            client.introspect_token, metadata["introspection_endpoint"], token=second[kind], token_type_hint=kind
        )
        assert answer.status_code == 200
        return dict(answer.json())

    access = verified(metadata, second["access_token"])
    found = await introspect("access_token")
    assert found == {
        "active": True,
        "username": "ada",
        "token_type": "Bearer",
        **{name: access[name] for name in ("scope", "client_id", "exp", "iat", "sub", "aud", "iss", "jti", "sid")},
    }
    found = await introspect("refresh_token")
    assert (found["active"], found["sub"], found["client_id"]) == (True, user_id, app.client_id)

    answer = await in_thread(client.revoke_token, metadata["revocation_endpoint"], second["refresh_token"])
    assert (answer.status_code, answer.json()) == (200, {})
    for kind in ("access_token", "refresh_token"):
        assert await introspect(kind) == {"active": False}
    with pytest.raises(OAuthError, match="invalid_grant"):
        await in_thread(client.refresh_token, metadata["token_endpoint"])


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
async def test_client_credentials(setting: Setting, metadata: dict[str, Any], way: str) -> None:
    key = {"key": RSA_KEY} if way == "private_key_jwt" else {}
    made = await setting.operator.app(admin_pb2.APP_TYPE_SERVICE, permissions=["binding.read"], **key)
    pem = RSA_KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    app = App(made.client_id, made.secret or pem)
    client = session(metadata, app, way)
    token = await in_thread(client.fetch_token, metadata["token_endpoint"], grant_type="client_credentials")
    claims = verified(metadata, token["access_token"])
    assert (claims["sub"], claims["kind"], claims["permissions"]) == (app.client_id, "service", ["binding.read"])
    answer = await in_thread(client.revoke_token, metadata["revocation_endpoint"], token["access_token"])
    assert answer.status_code == 200
    answer = await in_thread(client.introspect_token, metadata["introspection_endpoint"], token=token["access_token"])
    assert answer.json() == {"active": False}


async def test_an_assertion_for_a_user(setting: Setting, metadata: dict[str, Any]) -> None:
    demo = setting.world.demo
    client = AssertionSession(
        token_endpoint=metadata["token_endpoint"],
        issuer=demo["jwt_client_id"],
        subject=demo["user_id"],
        audience=metadata["issuer"],
        claims={"jti": uuid.uuid4().hex, "sub_type": "user", "exp": int(time.time()) + 60},
        key=joserfc.jwk.RSAKey.import_key(demo["jwt_private_key_pem"]),
        header={"alg": "RS256"},
        client_id=demo["jwt_client_id"],
    )
    token = await in_thread(client.refresh_token)
    assert verified(metadata, token["access_token"])["sub"] == demo["user_id"]
    refreshing = session(metadata, App(demo["jwt_client_id"]), "none", token=dict(token))
    assert (await in_thread(refreshing.refresh_token, metadata["token_endpoint"]))["user_id"] == demo["user_id"]


async def test_a_token_is_exchanged(setting: Setting, metadata: dict[str, Any]) -> None:
    app = await setting.operator.web_app(scopes=SCOPES)
    worker = await setting.operator.app(admin_pb2.APP_TYPE_SERVICE, permissions=["token.exchange"])
    client = session(metadata, app, "client_secret_basic", scope="FILE.ALL openid", redirect_uri=REDIRECT_URI)
    users = await logged_on(setting, metadata, client, await setting.operator.user())
    acting = session(metadata, worker, "client_secret_basic")
    got = await in_thread(
        acting.fetch_token,
        metadata["token_endpoint"],
        grant_type=TOKEN_EXCHANGE,
        subject_token=users["access_token"],
        subject_token_type=ACCESS_TOKEN_TYPE,
        scope="FILE.ALL",
    )
    claims = verified(metadata, got["access_token"])
    assert (claims["sub"], claims["act"], claims["scope"]) == (
        users["user_id"],
        {"sub": worker.client_id},
        "FILE.ALL",
    )
    assert got["issued_token_type"] == ACCESS_TOKEN_TYPE
    assert "refresh_token" not in got
    with pytest.raises(OAuthError, match="invalid_request"):
        await in_thread(
            acting.fetch_token,
            metadata["token_endpoint"],
            grant_type=TOKEN_EXCHANGE,
            subject_token=users["id_token"],
            subject_token_type=ACCESS_TOKEN_TYPE,
        )


async def test_a_refusal_is_read_as_one(setting: Setting, metadata: dict[str, Any]) -> None:
    client = session(metadata, App("nobody", "wrong"), "client_secret_basic")
    with pytest.raises(OAuthError) as caught:
        await in_thread(client.fetch_token, metadata["token_endpoint"], grant_type="client_credentials")
    assert (caught.value.error, caught.value.description) == (
        "invalid_client",
        "The input parameter client_id is not valid.",
    )
