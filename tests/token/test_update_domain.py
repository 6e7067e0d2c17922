import asyncio
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from tessera.token.v1 import admin_pb2 as nouns_pb2
from tessera.token.v1 import domain_service_pb2 as domain_pb2

from tests.support.admin import create_domain
from tests.support.calls import Metadata, refused
from tests.support.token import DOMAIN, ISSUER, Running
from tests.support.token_client import TokenClient

DAY = 86_400


async def get(service: TokenClient, domain_id: str, metadata: Metadata | None = None) -> nouns_pb2.Domain:
    request = domain_pb2.GetDomainRequest(domain_id=domain_id)
    return await service.domains.GetDomain(request, metadata=metadata or await service.operator())


async def listed(service: TokenClient, **fields: Any) -> domain_pb2.ListDomainsResponse:
    return await service.domains.ListDomains(domain_pb2.ListDomainsRequest(**fields), metadata=await service.operator())


async def update(
    service: TokenClient, domain_id: str, *mask: str, metadata: Metadata | None = None, **fields: Any
) -> nouns_pb2.Domain:
    request = domain_pb2.UpdateDomainRequest(
        domain=nouns_pb2.Domain(domain_id=domain_id, **fields), update_mask=FieldMask(paths=mask)
    )
    return await service.domains.UpdateDomain(request, metadata=metadata or await service.operator())


async def test_a_domain_is_as_it_was_made(service: Running) -> None:
    made = await create_domain(service, name="Shop")
    told = await get(service, made.domain_id)
    assert (told.name, told.issuer, told.algorithm) == ("Shop", f"{ISSUER}/d/{made.domain_id}", "RS256")
    assert "ACCOUNT.ALL" in told.scopes
    assert (told.rotation_period.seconds, told.audit_retention.seconds) == (90 * DAY, 360 * DAY)
    assert (told.impersonate_superadmins, told.grants_per_second, told.max_users, told.max_apps) == (False, 0, 0, 0)


async def test_what_may_be_changed(service: Running) -> None:
    made = await create_domain(service)
    wanted: dict[str, Any] = {
        "name": "Shop",
        "scopes": ["FILE.ALL", "ACCOUNT.ALL"],
        "impersonate_superadmins": True,
        "algorithm": "ES256",
        "rotation_period": Duration(seconds=7 * DAY),
        "audit_retention": Duration(seconds=30 * DAY),
        "grants_per_second": 100,
        "max_users": 2**40,
        "max_apps": 5,
    }
    told = await update(service, made.domain_id, *wanted, **wanted)
    for name, value in wanted.items():
        assert getattr(told, name) == value, name
    assert told == await get(service, made.domain_id)
    assert (await update(service, made.domain_id, "max_apps")).max_apps == 0
    async with service.database() as database:
        rows = await database.fetch(
            "select detail from token.audit where domain_id = $1 and event = 'domain.updated' order by event_id",
            made.domain_id,
        )
    assert [row["detail"] for row in rows] == [", ".join(sorted(wanted)), "max_apps"]


async def test_an_issuer_stays(service: Running) -> None:
    made = await create_domain(service)
    told = await update(service, made.domain_id, "issuer", "name", issuer="https://evil.example", name="x")
    assert (told.issuer, told.name) == (f"{ISSUER}/d/{made.domain_id}", "x")


async def test_a_tenant_knows_its_own_alone(service: Running, tenant: TokenClient) -> None:
    own_id = tenant.made["domain_id"]
    assert (await get(tenant, own_id)).domain_id == own_id
    assert (await update(tenant, own_id, name="mine")).name == "mine"
    for domain_id in (DOMAIN, "nowhere"):
        await refused(get(tenant, domain_id), "NOT_FOUND_DOMAIN")
        await refused(update(tenant, domain_id, name="x"), "NOT_FOUND_DOMAIN")
    await refused(listed(tenant), "PERMISSION_DENIED")
    assert (await get(service, own_id)).name == "mine"
    assert (await get(service, DOMAIN)).name != "x"


async def test_a_tenant_does_not_lift_its_limits(service: Running, tenant: TokenClient) -> None:
    own_id = tenant.made["domain_id"]
    told = await update(service, own_id, max_apps=1000, max_users=1000, grants_per_second=1000)
    for limit in ("max_apps", "max_users", "grants_per_second"):
        await refused(update(tenant, own_id, limit), "PERMISSION_DENIED")
        await refused(update(tenant, own_id, **{limit: 2000}), "PERMISSION_DENIED")
    # What it was answered it may send back.
    told.name = "sent back"
    request = domain_pb2.UpdateDomainRequest(domain=told)
    assert (await tenant.domains.UpdateDomain(request, metadata=await tenant.operator())).name == "sent back"


async def test_nobody_gives_what_he_does_not_have(service: Running, tenant: TokenClient) -> None:
    own_id = tenant.made["domain_id"]
    deputy = await tenant.caller("token.admin", scopes=[])
    await refused(update(service, own_id, metadata=deputy, impersonate_superadmins=True), "PERMISSION_DENIED")
    before = await update(tenant, own_id, scopes=["FILE.ALL"])
    await refused(update(service, own_id, metadata=deputy, scopes=["ACCOUNT.ALL"]), "PERMISSION_DENIED")
    told = await update(service, own_id, metadata=deputy, scopes=["FILE.ALL", "X.ALL"], etag=before.etag)
    assert list(told.scopes) == ["FILE.ALL", "X.ALL"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "x" * 129}, "name"),
        ({"scopes": ["a b"]}, "scopes"),
        ({"algorithm": "HS256"}, "algorithm"),
        ({"algorithm": "none"}, "algorithm"),
        ({"rotation_period": Duration(seconds=3599)}, "rotation_period"),
        ({"rotation_period": Duration(seconds=361 * DAY)}, "rotation_period"),
        ({"audit_retention": Duration(seconds=DAY - 1)}, "audit_retention"),
        ({"audit_retention": Duration(seconds=361 * DAY)}, "audit_retention"),
        ({"grants_per_second": -1}, "grants_per_second"),
        ({"max_users": -1}, "max_users"),
        ({"max_apps": -(2**63)}, "max_apps"),
    ],
    ids=str,
)
async def test_values_that_are_not_good(service: Running, fields: dict[str, Any], field: str) -> None:
    await refused(update(service, DOMAIN, **fields), "FIELD_INVALID", f"domain.{field}")


async def test_what_is_not_good(service: Running) -> None:
    await refused(update(service, DOMAIN, "nonsense"), "FIELD_INVALID", "update_mask")
    await refused(update(service, DOMAIN, "rotation_period"), "FIELD_MISSING", "domain.rotation_period")
    await refused(update(service, "", name="x"), "FIELD_MISSING", "domain.domain_id")
    await refused(update(service, "a b", name="x"), "FIELD_INVALID", "domain_id")
    await refused(get(service, "a\0b"), "FIELD_INVALID", "domain_id")
    await refused(get(service, "nowhere"), "NOT_FOUND_DOMAIN")


async def test_race_of_two_by_one_etag(service: Running) -> None:
    made = await create_domain(service)
    etag = (await get(service, made.domain_id)).etag
    calls = [update(service, made.domain_id, name=f"n{number}", etag=etag) for number in range(8)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    (won,) = [result for result in results if isinstance(result, nouns_pb2.Domain)]
    assert won == await get(service, made.domain_id)
    await refused(update(service, made.domain_id, name="late", etag=etag), "ETAG_MISMATCH")


async def test_pages(service: Running) -> None:
    made = {(await create_domain(service)).domain_id for _ in range(3)}
    first = await listed(service, page_size=2)
    added = (await create_domain(service)).domain_id
    found, token = [domain.domain_id for domain in first.domains], first.next_page_token
    while token:
        answer = await listed(service, page_size=2, page_token=token)
        found, token = found + [domain.domain_id for domain in answer.domains], answer.next_page_token
    assert len(found) == len(set(found))
    assert made | {DOMAIN} <= set(found) | {added}
