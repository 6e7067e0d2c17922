"""Tokens are verified here by a library that Tessera does not use."""

import json
from typing import Any

from google.protobuf import json_format
from joserfc import jwt
from joserfc.jwk import KeySet
from tessera.token.v1 import token_service_pb2

from tests.support.calls import bearer, refused
from tests.support.token import ISSUER, Running


async def _jwks(service: Running, domain_id: str = "") -> dict[str, Any]:
    answer = await service.tokens.GetJwks(token_service_pb2.GetJwksRequest(domain_id=domain_id))
    return json_format.MessageToDict(answer, preserving_proto_field_name=True)


async def test_a_stranger_verifies_an_access_token(service: Running) -> None:
    app = await service.jwt_app()
    user_id = await service.user()
    token = await service.by_assertion(app, user_id)
    decoded = jwt.decode(token.access_token, KeySet.import_key_set(await _jwks(service)), algorithms=["RS256"])
    assert decoded.header["typ"] == "JWT"
    rules = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": ISSUER},
        sub={"essential": True, "value": user_id},
        exp={"essential": True},
        iat={"essential": True},
    )
    rules.validate(decoded.claims)


async def test_the_claims_are_the_vendors_and_rfc_9068s(service: Running) -> None:
    app = await service.jwt_app()
    user_id = await service.user()
    token = await service.by_assertion(app, user_id)
    keys = KeySet.import_key_set(await _jwks(service, "bj1"))
    claims = jwt.decode(token.access_token, keys, algorithms=["RS256"]).claims
    assert set(claims) == {
        *("userId", "customJson", "exp", "iat"),
        *("iss", "sub", "aud", "client_id", "scope", "jti", "sid", "kind"),
    }
    assert claims["userId"] == user_id
    assert claims["scope"] == "ACCOUNT.ALL FILE.ALL"
    assert isinstance(claims["customJson"], str)
    assert json.loads(claims["customJson"]) == {
        "clientId": app.client_id,
        "domainId": "bj1",
        "scope": ["ACCOUNT.ALL", "FILE.ALL"],
        "role": "user",
        "ref": "",
        "device_id": "",
    }


async def test_only_access_keys_are_public(service: Running) -> None:
    (key,) = (await _jwks(service))["keys"]
    assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
    assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}


async def test_a_domain_that_is_not_there(service: Running) -> None:
    for domain_id in ("bj2", "a\0b", "x" * 100):
        await refused(_jwks(service, domain_id), "NOT_FOUND_DOMAIN")


async def test_the_service_believes_its_own_tokens(service: Running) -> None:
    """What actions/phases/signing.py writes, services/runtime/auth.py reads."""
    app = await service.web_app(permissions=["token.admin"])
    request = token_service_pb2.GetUserRequest(domain_id="bj1", user_id="x")
    caller = bearer((await service.by_secret(app)).access_token)
    await refused(service.mint.GetUser(request, metadata=caller), "PERMISSION_DENIED")
