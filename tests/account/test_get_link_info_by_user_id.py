"""GetLinkInfoByUserId."""

from datetime import UTC, datetime, timedelta

import grpc
from tessera.account.v1 import account_service_pb2

from services.account.model import normalise
from services.account.store import Store
from tests.account.callers import Domain
from tests.account.linking import linked
from tests.account.running import Account
from tests.support.calls import refused

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def request(user_id: str) -> account_service_pb2.GetLinkInfoByUserIdRequest:
    return account_service_pb2.GetLinkInfoByUserIdRequest(user_id=user_id)


async def test_the_links_of_a_user_the_oldest_first(
    alone: Account, store: Store, domain: Domain, other_domain: Domain, user_id: str
) -> None:
    await linked(store, domain.id, normalise("mobile", "13900001234"), user_id, NOW + timedelta(seconds=1))
    await linked(store, domain.id, normalise("email", "ann@corp.com"), user_id, NOW)
    await linked(store, other_domain.id, normalise("ldap", "ann"), user_id, NOW)
    for caller in (domain.access_key("account.link"), domain.user("boss", "superadmin"), domain.user(user_id)):
        answer = await alone.links.GetLinkInfoByUserId(request(user_id), metadata=caller)
        assert [(link.authentication_type, link.identity) for link in answer.items] == [
            ("email", "ann@corp.com"),
            ("mobile", "13900001234"),
        ]


async def test_nobody_has_none(alone: Account, domain: Domain) -> None:
    answer = await alone.links.GetLinkInfoByUserId(request("nobody"), metadata=domain.access_key("account.link"))
    assert not answer.items


async def test_a_user_asks_for_somebody_elses(alone: Account, store: Store, domain: Domain, user_id: str) -> None:
    await linked(store, domain.id, normalise("ldap", "ann"), "ann", NOW)
    caller = domain.user(user_id)
    somebody = await refused(alone.links.GetLinkInfoByUserId(request("ann"), metadata=caller))
    nobody = await refused(alone.links.GetLinkInfoByUserId(request("nobody"), metadata=caller))
    assert somebody == nobody
    assert (somebody.code, somebody.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND_LINK_USER")


async def test_no_user(alone: Account, domain: Domain) -> None:
    caller = domain.access_key("account.link")
    assert (await refused(alone.links.GetLinkInfoByUserId(request(""), metadata=caller))).reason == "FIELD_MISSING"
    for user_id in ("a\x00b", "x" * 256):
        refusal = await refused(alone.links.GetLinkInfoByUserId(request(user_id), metadata=caller))
        assert (refusal.reason, refusal.field) == ("FIELD_INVALID", "user_id")


async def test_who_may_not(alone: Account, domain: Domain, user_id: str) -> None:
    refusal = await refused(
        alone.links.GetLinkInfoByUserId(request(user_id), metadata=domain.access_key("account.describe"))
    )
    assert refusal.reason == "PERMISSION_DENIED"
