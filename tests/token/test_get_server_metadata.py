from tessera.token.v1 import token_service_pb2

from services.token.model import Domain
from tests.support.calls import refused
from tests.support.token import ISSUER, Running


async def test_what_an_issuer_offers(service: Running) -> None:
    answer = await service.tokens.GetServerMetadata(token_service_pb2.GetServerMetadataRequest())
    assert answer.issuer == ISSUER
    assert answer.token_endpoint == f"{ISSUER}/v2/oauth/token"
    assert answer.jwks_uri == f"{ISSUER}/.well-known/jwks.json"
    assert list(answer.grant_types_supported) == [
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "client_credentials",
    ]
    assert list(answer.token_endpoint_auth_methods_supported) == [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
        "none",
    ]
    assert list(answer.token_endpoint_auth_signing_alg_values_supported) == ["RS256", "ES256", "EdDSA"]
    assert list(answer.code_challenge_methods_supported) == ["S256"]


async def test_a_domain_that_is_not_there(service: Running) -> None:
    request = token_service_pb2.GetServerMetadataRequest(domain_id="bj2")
    await refused(service.tokens.GetServerMetadata(request), "NOT_FOUND_DOMAIN")


def test_domains_that_share_a_host_share_its_token_endpoint() -> None:
    domain = Domain("bj2", "https://id.example.com/d/bj2", (), impersonate_superadmins=False)
    assert domain.token_endpoint == "https://id.example.com/v2/oauth/token"
