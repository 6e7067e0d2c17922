"""UnlinkAccount."""

import grpc
from tessera.account.v1 import account_service_pb2

from services.account.model import normalise
from services.account.store import Store
from services.runtime.clock import Clock
from tests.account.callers import Domain
from tests.account.linking import linked
from tests.account.running import Account
from tests.support.calls import refused


def request(
    user_id: str, type_: str = "mobile", identity: str = "13900001234"
) -> account_service_pb2.UnlinkAccountRequest:
    return account_service_pb2.UnlinkAccountRequest(user_id=user_id, type=type_, identity=identity)


async def test_an_identity_is_taken_from_its_user_however_it_is_written(
    alone: Account, store: Store, domain: Domain, user_id: str
) -> None:
    identity = normalise("mobile", "+86 139-0000-1234")
    await linked(store, domain.id, identity, user_id, Clock().now())
    answer = await alone.links.UnlinkAccount(request(user_id), metadata=domain.access_key("account.link"))
    assert answer == account_service_pb2.UnlinkAccountResponse()
    assert await store.select_link(domain.id, identity) is None


async def test_what_is_not_linked_is_a_success(alone: Account, domain: Domain, user_id: str) -> None:
    await alone.links.UnlinkAccount(request(user_id), metadata=domain.access_key("account.link"))


async def test_anothers_link_stays(
    alone: Account, store: Store, domain: Domain, other_domain: Domain, user_id: str
) -> None:
    identity = normalise("mobile", "13900001234")
    await linked(store, domain.id, identity, "somebody else", Clock().now())
    await linked(store, other_domain.id, identity, user_id, Clock().now())
    await alone.links.UnlinkAccount(request(user_id), metadata=domain.access_key("account.link"))
    assert await store.select_link(domain.id, identity)
    assert await store.select_link(other_domain.id, identity)


async def test_who_may_not(alone: Account, domain: Domain, user_id: str) -> None:
    refusal = await refused(alone.links.UnlinkAccount(request(user_id), metadata=domain.access_key("account.describe")))
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    assert (await refused(alone.links.UnlinkAccount(request(user_id)))).code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_user_takes_its_own_away_and_nobody_elses(
    alone: Account, store: Store, domain: Domain, user_id: str
) -> None:
    identity = normalise("mobile", "13900001234")
    await linked(store, domain.id, identity, user_id, Clock().now())
    stranger = domain.user("stranger")
    refusal = await refused(alone.links.UnlinkAccount(request(user_id), metadata=stranger))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND_LINK_USER")
    await alone.links.UnlinkAccount(request("stranger"), metadata=stranger)
    assert await store.select_link(domain.id, identity)
    await alone.links.UnlinkAccount(request(user_id), metadata=domain.user(user_id))
    assert await store.select_link(domain.id, identity) is None


async def test_no_identity(alone: Account, domain: Domain, user_id: str) -> None:
    caller = domain.access_key("account.link")
    for type_, identity, field in (("mobile", "12345", "identity"), ("fax", "13900001234", "type")):
        refusal = await refused(alone.links.UnlinkAccount(request(user_id, type_, identity), metadata=caller))
        assert (refusal.reason, refusal.field) == ("FIELD_INVALID", field)
