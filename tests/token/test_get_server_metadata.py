from tessera.token.v1 import token_service_pb2

from services.token.model import Domain
from tests.support.calls import refused
from tests.support.token import DOMAIN, ISSUER, Running


async def test_what_an_issuer_offers(service: Running) -> None:
    answer = await service.tokens.GetServerMetadata(token_service_pb2.GetServerMetadataRequest())
    assert (answer.issuer, answer.domain_id) == (ISSUER, DOMAIN)
    assert answer.token_endpoint == f"{ISSUER}/v2/oauth/token"
    assert answer.jwks_uri == f"{ISSUER}/.well-known/jwks.json"
    assert list(answer.grant_types_supported) == [
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:device_code",
    ]
    assert list(answer.code_challenge_methods_supported) == ["S256"]
    assert list(answer.response_types_supported) == ["code"]
    assert list(answer.response_modes_supported) == ["query"]
    assert answer.authorization_response_iss_parameter_supported


async def test_how_clients_prove_themselves_where(service: Running) -> None:
    answer = await service.tokens.GetServerMetadata(token_service_pb2.GetServerMetadataRequest())
    proving = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
    assert list(answer.token_endpoint_auth_methods_supported) == [*proving, "none"]
    assert list(answer.revocation_endpoint_auth_methods_supported) == [*proving, "none"]
    # Who only names itself learns nothing of tokens.
    assert list(answer.introspection_endpoint_auth_methods_supported) == proving
    for algorithms in (
        answer.token_endpoint_auth_signing_alg_values_supported,
        answer.revocation_endpoint_auth_signing_alg_values_supported,
        answer.introspection_endpoint_auth_signing_alg_values_supported,
    ):
        assert list(algorithms) == ["RS256", "ES256", "EdDSA"]


async def test_what_openid_discovery_requires(service: Running) -> None:
    """OpenID Connect Discovery section 3: REQUIRED and RECOMMENDED, and what is true unless it is said not to be."""
    answer = await service.tokens.GetServerMetadata(token_service_pb2.GetServerMetadataRequest())
    assert answer.authorization_endpoint == f"{ISSUER}/v2/oauth/authorize"
    assert answer.userinfo_endpoint == f"{ISSUER}/v2/oauth/userinfo"
    assert answer.revocation_endpoint == f"{ISSUER}/v2/oauth/revoke"
    assert answer.introspection_endpoint == f"{ISSUER}/v2/oauth/introspect"
    assert list(answer.subject_types_supported) == ["public"]
    assert list(answer.id_token_signing_alg_values_supported) == ["RS256"]
    assert answer.scopes_supported[0] == "openid"
    assert {"ACCOUNT.ALL", "OAUTH.ALL", "USER.ALL"} <= set(answer.scopes_supported)
    assert {"sub", "iss", "nonce", "at_hash", "name", "picture"} <= set(answer.claims_supported)
    assert not answer.request_uri_parameter_supported


async def test_what_logging_on_offers(service: Running) -> None:
    """RFC 8628 section 4, RFC 9207 section 3, OpenID Connect's `prompt` and `ui_locales`."""
    answer = await service.tokens.GetServerMetadata(token_service_pb2.GetServerMetadataRequest())
    assert answer.device_authorization_endpoint == f"{ISSUER}/v2/oauth/device/code"
    assert answer.authorization_response_iss_parameter_supported
    assert list(answer.prompt_values_supported) == ["none", "login", "consent", "select_account"]
    assert list(answer.ui_locales_supported) == ["en", "zh-CN"]


async def test_a_domain_that_is_not_there(service: Running) -> None:
    request = token_service_pb2.GetServerMetadataRequest(domain_id="bj2")
    await refused(service.tokens.GetServerMetadata(request), "NOT_FOUND_DOMAIN")


def test_domains_that_share_a_host_share_its_token_endpoint() -> None:
    domain = Domain("bj2", "https://id.example.com/d/bj2", (), impersonate_superadmins=False)
    assert domain.token_endpoint == "https://id.example.com/v2/oauth/token"
