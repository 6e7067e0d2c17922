"""GetLinkInfo."""

from datetime import UTC, datetime

import pytest
from google.protobuf.json_format import MessageToDict
from tessera.account.v1 import account_service_pb2

from services.account.model import normalise
from services.account.store import Store
from tests.account.callers import Domain
from tests.account.linking import linked
from tests.account.running import Account
from tests.support.calls import refused

NOW = datetime(2023, 8, 18, 8, 33, 37, 628_999, tzinfo=UTC)


def request(type_: str, identity: str, extra: str = "") -> account_service_pb2.GetLinkInfoRequest:
    return account_service_pb2.GetLinkInfoRequest(type=type_, identity=identity, extra=extra)


async def test_the_link_as_the_vendor_answers_it(alone: Account, store: Store, domain: Domain, user_id: str) -> None:
    await linked(store, domain.id, normalise("mobile", "139 0000 1234"), user_id, NOW)
    answer = await alone.links.GetLinkInfo(
        request("mobile", "13900001234", "86"), metadata=domain.access_key("account.link")
    )
    assert MessageToDict(answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True) == {
        "authentication_type": "mobile",
        "identity": "139 0000 1234",
        "user_id": user_id,
        "domain_id": domain.id,
        "display_name": "139 0000 1234",
        "extra": "86",
        "created_at": 1692347617628,
        "last_login_time": 0,
        "status": "normal",
    }


async def test_an_admin_sees_everybodys(alone: Account, store: Store, domain: Domain, user_id: str) -> None:
    await linked(store, domain.id, normalise("email", "Ann@corp.com"), user_id, NOW)
    answer = await alone.links.GetLinkInfo(request("email", "ann@CORP.com"), metadata=domain.user("boss", "admin"))
    assert (answer.user_id, answer.identity) == (user_id, "Ann@corp.com")


async def test_a_user_sees_its_own_alone(alone: Account, store: Store, domain: Domain, user_id: str) -> None:
    await linked(store, domain.id, normalise("ding", "mine"), user_id, NOW)
    await linked(store, domain.id, normalise("ding", "theirs"), "somebody else", NOW)
    caller = domain.user(user_id)
    assert (await alone.links.GetLinkInfo(request("ding", "mine"), metadata=caller)).user_id == user_id
    theirs = await refused(alone.links.GetLinkInfo(request("ding", "theirs"), metadata=caller))
    nobodys = await refused(alone.links.GetLinkInfo(request("ding", "nobodys"), metadata=caller))
    assert theirs == nobodys
    assert theirs.reason == "NOT_FOUND_LINK"


async def test_another_domains_links_do_not_exist(
    alone: Account, store: Store, domain: Domain, other_domain: Domain, user_id: str
) -> None:
    await linked(store, domain.id, normalise("ding", "mine"), user_id, NOW)
    for caller in (other_domain.access_key("account.link"), other_domain.user(user_id)):
        refusal = await refused(alone.links.GetLinkInfo(request("ding", "mine"), metadata=caller))
        assert refusal.reason == "NOT_FOUND_LINK"


@pytest.mark.parametrize(
    ("type_", "identity", "extra", "reason", "field"),
    [
        ("", "x", "", "FIELD_MISSING", "type"),
        ("ding", "", "", "FIELD_MISSING", "identity"),
        ("fax", "x", "", "FIELD_INVALID", "type"),
        ("Ding", "x", "", "FIELD_INVALID", "type"),
        ("ding", "  ", "", "FIELD_INVALID", "identity"),
        ("ding", "a\x00b", "", "FIELD_INVALID", "identity"),
        ("ding", "a\n", "", "FIELD_INVALID", "identity"),
        ("ding", "x" * 256, "", "FIELD_INVALID", "identity"),
        ("email", "ann", "", "FIELD_INVALID", "identity"),
        ("mobile", "13900001234", "x", "FIELD_INVALID", "extra"),
    ],
)
async def test_no_identity(
    alone: Account, domain: Domain, *, type_: str, identity: str, extra: str, reason: str, field: str
) -> None:
    caller = domain.access_key("account.link")
    refusal = await refused(alone.links.GetLinkInfo(request(type_, identity, extra), metadata=caller))
    assert (refusal.reason, refusal.field) == (reason, field)


async def test_the_longest_identity(alone: Account, store: Store, domain: Domain, user_id: str) -> None:
    longest = "".join(chr(0x20000 + number) for number in range(255))
    await linked(store, domain.id, normalise("custom", longest), user_id, NOW)
    answer = await alone.links.GetLinkInfo(request("custom", longest), metadata=domain.access_key("account.link"))
    assert answer.identity == longest
