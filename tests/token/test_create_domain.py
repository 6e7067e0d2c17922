import asyncio
import uuid

import pytest
from tessera.token.v1 import domain_service_pb2 as domain_pb2
from tessera.token.v1 import token_service_pb2

from tests.support.admin import create_domain
from tests.support.calls import bearer, refusal_in, refused
from tests.support.token import ISSUER, Running
from tests.support.token_client import TokenClient, content


async def test_a_domain_begins_with_all_it_needs(service: Running) -> None:
    domain_id = f"d{uuid.uuid4().hex[:12]}"
    tenant = await service.tenant(domain_id)
    ((_, token),) = await tenant.operator()
    claims = content(token.removeprefix("Bearer "))
    assert claims["iss"] == f"{ISSUER}/d/{domain_id}"
    assert "token.domain" not in claims["permissions"]
    jwks = await service.tokens.GetJwks(token_service_pb2.GetJwksRequest(domain_id=domain_id))
    assert [key.alg for key in jwks.keys] == ["RS256"]
    app = await tenant.web_app()
    assert content((await tenant.by_secret(app)).access_token)["iss"] == f"{ISSUER}/d/{domain_id}"
    async with service.database() as database:
        rows = await database.fetch(
            "select event, actor from token.audit where domain_id = $1 order by event_id", domain_id
        )
        role = await database.fetchval(
            "select role from token.app_user where domain_id = $1 and user_id = $2", domain_id, tenant.made["user_id"]
        )
    assert role == "superadmin"
    assert sorted(row["event"] for row in rows)[:3] == ["app.allowed", "app.created", "app.created"]
    assert {row["actor"] for row in rows if row["event"] == "domain.created"} == {service.made["operator"]["client_id"]}


async def test_an_issuer_of_its_own(service: Running) -> None:
    issuer = f"https://{uuid.uuid4().hex}.example.com"
    made = await create_domain(service, issuer=issuer + "/")
    request = token_service_pb2.GetServerMetadataRequest(domain_id=made.domain_id)
    assert (await service.tokens.GetServerMetadata(request)).issuer == issuer
    await refused(create_domain(service, issuer=issuer), "ALREADY_EXISTS_DOMAIN")


async def test_an_id_that_is_taken_changes_nothing(service: Running) -> None:
    made = await create_domain(service)
    for domain_id in (made.domain_id, "bj1"):
        await refused(create_domain(service, domain_id=domain_id), "ALREADY_EXISTS_DOMAIN")
        await refused(
            create_domain(service, domain_id=domain_id, issuer=f"https://{uuid.uuid4().hex}.example.com"),
            "ALREADY_EXISTS_DOMAIN",
        )


async def test_race_for_an_id_and_for_an_issuer(service: Running) -> None:
    domain_id, issuer = f"d{uuid.uuid4().hex[:12]}", f"https://{uuid.uuid4().hex}.example.com"
    for fields in ({"domain_id": domain_id}, {"issuer": issuer}):
        results = await asyncio.gather(*(create_domain(service, **fields) for _ in range(5)), return_exceptions=True)
        lost = [refusal_in(result).reason for result in results if isinstance(result, Exception)]
        assert lost == ["ALREADY_EXISTS_DOMAIN"] * 4


@pytest.mark.parametrize("domain_id", ["A", "a b", "a.b", "-a", "a-", "x" * 64, "a#07", "a\0b", "ä"])
async def test_ids_that_no_host_has(service: Running, domain_id: str) -> None:
    await refused(create_domain(service, domain_id=domain_id), "FIELD_INVALID", "domain_id")


@pytest.mark.parametrize(
    "issuer",
    [
        *("http://a.example.com", "https://", "https://a.example.com/?x", "https://a.example.com/#x", "ftp://a", "x"),
        *("https://A.example.com", "https://x@evil.example", "javascript:alert(1)", "https://a b"),
    ],
)
async def test_issuers_that_are_none(service: Running, issuer: str) -> None:
    await refused(create_domain(service, issuer=issuer), "FIELD_INVALID", "issuer")


async def test_who_makes_domains(service: Running, tenant: TokenClient) -> None:
    await refused(service.domains.CreateDomain(domain_pb2.CreateDomainRequest(domain_id="x")), "UNAUTHENTICATED")
    await refused(create_domain(tenant), "PERMISSION_DENIED")
    await refused(create_domain(service, await service.caller("token.admin")), "PERMISSION_DENIED")
    # He would give its operator what he does not have.
    await refused(create_domain(service, await service.caller("token.domain", "token.admin")), "PERMISSION_DENIED")
    app = await service.web_app(scopes=["OAUTH.ALL", "ACCOUNT.ALL", "USER.ALL"])
    superadmin = await service.redeem(app, await service.code(app, service.made["user_id"]))
    await refused(create_domain(service, bearer(superadmin.access_token)), "PERMISSION_DENIED")


async def test_a_tenants_operator_makes_no_other(tenant: TokenClient) -> None:
    await refused(tenant.web_app(permissions=["token.domain"]), "PERMISSION_DENIED")
