"""What the Host of a request says: it may name a domain, whose keys are then told and whose clients alone are known."""

import asyncio
import uuid
from typing import Any

import pytest
from google.protobuf import json_format
from tessera.edge import external_auth_pb2 as auth_pb2
from tessera.token.v1 import token_service_pb2

from tests.support.admin import create_domain
from tests.support.calls import Metadata, refused
from tests.support.token import CLIENT_ASSERTION, DOMAIN, ISSUER, Running
from tests.support.token_client import App, TokenClient, basic


def sent_to(host: str) -> Metadata:
    """As the gateway tells it."""
    return [("x-tessera-host", host)]


def by_secret(app: App) -> dict[str, str]:
    return {"client_id": app.client_id, "client_secret": app.secret}


async def grant(service: Running, host: str, **parameters: str) -> Any:
    request = token_service_pb2.TokenRequest(grant_type="client_credentials", **parameters)
    return await service.tokens.Token(request, metadata=sent_to(host))


async def issuer_at(service: Running, host: str, domain_id: str = "") -> str:
    """The issuer that is told, whose keys are told with it."""
    asked = token_service_pb2.GetServerMetadataRequest(domain_id=domain_id)
    metadata = await service.tokens.GetServerMetadata(asked, metadata=sent_to(host))
    keys = await service.tokens.GetJwks(token_service_pb2.GetJwksRequest(domain_id=domain_id), metadata=sent_to(host))
    listed = await service.keys.ListVerificationKeys(token_service_pb2.ListVerificationKeysRequest())
    issuers = {key.key_id: key.issuer for key in listed.keys}
    assert {issuers[key.kid] for key in keys.keys} == {metadata.issuer}, json_format.MessageToDict(keys)
    return metadata.issuer


@pytest.mark.parametrize(
    "host", ["tenant.api.example.com", "tenant.api.example.com:8443", "Tenant.Example.com", "tenant"]
)
async def test_the_first_label_names_a_domain(service: Running, tenant: TokenClient, host: str) -> None:
    assert await issuer_at(service, host) == f"{ISSUER}/d/tenant"
    assert (await grant(service, host, **by_secret(await tenant.web_app()))).domain_id == "tenant"
    await refused(grant(service, host, **by_secret(await service.web_app())), "INVALID_CLIENT")


@pytest.mark.parametrize("host", ["", "127.0.0.1:8080", "[::1]:8080", "api.example.com", "nobody.example.com", "a b/c"])
async def test_a_host_that_names_none(service: Running, tenant: TokenClient, host: str) -> None:
    assert await issuer_at(service, host) == ISSUER
    for app in (await service.web_app(), await tenant.web_app()):
        await grant(service, host, **by_secret(app))


async def test_an_address_has_no_labels(service: Running) -> None:
    await service.tenant("10")
    assert await issuer_at(service, "10.0.0.1:8080") == ISSUER
    await grant(service, "10.0.0.1:8080", **by_secret(await service.web_app()))


async def test_the_path_is_more_than_the_host(service: Running, tenant: TokenClient) -> None:
    assert await issuer_at(service, "tenant.example.com", DOMAIN) == ISSUER
    assert await issuer_at(service, "bj1.example.com", tenant.made["domain_id"]) == f"{ISSUER}/d/tenant"


async def test_an_issuer_is_asked_at_its_own_host(service: Running) -> None:
    """RFC 8414 section 3: what is answered there names the issuer that was asked for. It is known at once."""
    host = f"{uuid.uuid4().hex}.example.com:8443"
    assert await issuer_at(service, host) == ISSUER
    await create_domain(service, issuer=f"https://{host}")
    async with asyncio.timeout(10):
        while await issuer_at(service, host) != f"https://{host}":
            await asyncio.sleep(0.05)


async def test_a_domain_is_known_at_its_issuers_host_whatever_that_is_called(
    service: Running, tenant: TokenClient
) -> None:
    """Its metadata name endpoints at the host of the domain that it stands beside."""
    assert (await grant(service, "bj1.example.com", **by_secret(await tenant.web_app()))).domain_id == "tenant"
    await refused(grant(service, "bj1.example.com:8443", **by_secret(await tenant.web_app())), "INVALID_CLIENT")


async def test_whatever_the_way_of_proof_and_the_endpoint(service: Running, tenant: TokenClient) -> None:
    app, native, signing = await service.web_app(), await service.native_app(), await service.jwt_app()
    elsewhere = sent_to("tenant.example.com")
    assertion = signing.sign(service.claims(signing.client_id, sub=signing.client_id))
    for proof in (
        by_secret(app),
        {"client_id": native.client_id},
        {"client_assertion_type": CLIENT_ASSERTION, "client_assertion": assertion},
    ):
        revoking = token_service_pb2.RevokeTokenRequest(token="x", **proof)
        asking = token_service_pb2.IntrospectTokenRequest(token="x", **proof)
        await refused(service.tokens.RevokeToken(revoking, metadata=elsewhere), "INVALID_CLIENT")
        await refused(service.tokens.IntrospectToken(asking, metadata=elsewhere), "INVALID_CLIENT")
    asking = token_service_pb2.IntrospectTokenRequest(token="x")
    proven = [("authorization", basic(app.client_id, app.secret))]
    await refused(service.tokens.IntrospectToken(asking, metadata=[*proven, *elsewhere]), "INVALID_CLIENT")
    assert not (await service.tokens.IntrospectToken(asking, metadata=proven)).active


async def test_a_push_app_at_the_edge(service: Running, tenant: TokenClient) -> None:
    app = await tenant.push_app()

    async def status(host: str) -> int:
        http = auth_pb2.AttributeContext.HttpRequest(
            method="POST",
            path="/v3/device/account/query",
            host=host,
            headers={"authorization": basic(str(app.access_id), app.secret_key)},
        )
        attributes = auth_pb2.AttributeContext(
            request=auth_pb2.AttributeContext.Request(http=http),
            context_extensions={"surface": "tpns", "audience": "binding"},
        )
        answer = await service.edge.Check(auth_pb2.CheckRequest(attributes=attributes), metadata=service.gateway())
        return answer.denied_response.status.code or 200

    assert [await status(host) for host in ("tenant.example.com", "api.example.com", "bj1.example.com:1")] == [
        200,
        200,
        401,
    ]
