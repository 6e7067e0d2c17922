"""OpenID Connect Core sections 2 and 3.1.3: the id token beside what a code is redeemed for."""

import base64
import hashlib
from datetime import timedelta

import joserfc.jwk
import joserfc.jwt
import pytest
from google.protobuf import json_format
from tessera.token.v1 import token_pb2, token_service_pb2

from services.runtime.auth import Authenticator
from services.runtime.errors import Unauthenticated
from services.runtime.vault import Vault
from services.token.keys import Keyring
from services.token.store import Store
from tests.support.calls import bearer, refused
from tests.support.revocations import nothing_revoked
from tests.support.token import CLIENT_ASSERTION, ISSUER, JWT_BEARER, Running
from tests.support.token_client import App, content

NONCE = "n-0S6_WzA2Mj'\"\\ é"


@pytest.fixture
async def app(service: Running) -> App:
    return await service.web_app(scopes=("openid", "FILE.ALL"))


async def logged_on(service: Running, app: App, **changed: str) -> token_pb2.Token:
    return await service.redeem(app, await service.code(app, await service.user(), **changed))


async def verified(service: Running, token: str) -> joserfc.jwt.Token:
    answer = await service.tokens.GetJwks(token_service_pb2.GetJwksRequest())
    keys = joserfc.jwk.KeySet.import_key_set(json_format.MessageToDict(answer, preserving_proto_field_name=True))
    return joserfc.jwt.decode(token, keys, algorithms=["RS256"])


async def test_what_it_says(service: Running, app: App) -> None:
    before = service.clock.timestamp()
    issued = await logged_on(service, app, nonce=NONCE, scope="openid")
    token = await verified(service, issued.id_token)
    claims, access = token.claims, content(issued.access_token)
    half = hashlib.sha256(issued.access_token.encode()).digest()[:16]
    assert token.header["typ"] == "JWT"
    assert before <= claims.pop("auth_time") <= service.clock.timestamp()
    assert claims == {
        "iss": ISSUER,
        "sub": issued.user_id,
        "aud": app.client_id,
        "iat": access["iat"],
        "exp": access["exp"],
        "nonce": NONCE,
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        "sid": access["sid"],
    }


async def test_a_nonce_that_did_not_come_is_not_there(service: Running, app: App) -> None:
    """CVE-2026-15612 took a missing nonce for a good one: the client must be able to see that there is none."""
    assert "nonce" not in content((await logged_on(service, app)).id_token)


async def test_without_the_scope_there_is_none(service: Running, app: App) -> None:
    assert not (await logged_on(service, app, scope="FILE.ALL")).HasField("id_token")
    issued = await logged_on(service, app)
    assert issued.id_token
    assert not (await service.refresh(app, issued.refresh_token)).HasField("id_token")
    jwt_app = await service.jwt_app(scopes=("openid",))
    assert not (await service.by_assertion(jwt_app, await service.user())).HasField("id_token")


async def test_the_time_of_the_logon_is_not_that_of_redeeming(own: Running) -> None:
    app = await own.web_app(scopes=("openid",))
    code = await own.code(app, await own.user())
    own.clock.shift(timedelta(minutes=5))
    claims = content((await own.redeem(app, code)).id_token)
    assert 299 <= claims["iat"] - claims["auth_time"] <= 302


async def test_it_is_no_access_token(service: Running, app: App) -> None:
    """`typ` is JWT as an access token's may be; its audience is the client, and that decides (RFC 9068 section 4)."""
    issued = await logged_on(service, app)
    await refused(service.user_info(issued.id_token), "UNAUTHENTICATED")
    await refused(service.access_token(bearer(issued.id_token), issued.user_id), "UNAUTHENTICATED")
    async with service.database() as database:
        store = Store(database)
        keyring = Keyring(
            store.select_signing_keys, store.select_changed_signing_keys, Vault(service.settings.master_key.secret)
        )
        await keyring.ask()
        authenticator = Authenticator("binding", keyring, service.clock, nothing_revoked())
        metadata = dict(bearer(issued.access_token))
        assert (await authenticator.authenticate(metadata)).subject == issued.user_id
        with pytest.raises(Unauthenticated, match="another issuer or audience"):
            await authenticator.authenticate(dict(bearer(issued.id_token)))


async def test_it_is_no_assertion(service: Running, app: App) -> None:
    """Neither one for a grant nor one that proves a client."""
    issued = await logged_on(service, app)
    jwt_app = await service.jwt_app()
    for token in (issued.id_token, issued.access_token):
        for client_id in (jwt_app.client_id, app.client_id):
            call = service.token(JWT_BEARER, client_id=client_id, assertion=token)
            await refused(call, "INVALID_GRANT" if client_id == jwt_app.client_id else "INVALID_CLIENT")
        proof = {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": token}
        await refused(service.token("client_credentials", **proof), "INVALID_CLIENT")
