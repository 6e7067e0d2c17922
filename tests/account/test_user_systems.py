"""UserSystemService: what an operator sets up, and what it may not."""

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from tessera.account.v1 import user_system_pb2 as nouns_pb2

from services.account.model import normalise
from services.account.model.user_systems import SETTINGS
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.db import Database
from tests.account.callers import Domain
from tests.account.linking import linked
from tests.account.operators import EXAMPLES, SECRET, UserSystemsOperator
from tests.account.running import Account
from tests.support.calls import refused
from tests.support.ports import free_ports

REQUEST_ID = "0197c3a2-6d12-7c3b-b1f4-08e6d5a97c24"


@pytest.fixture
def operator(alone: Account, domain: Domain) -> UserSystemsOperator:
    return UserSystemsOperator(alone, domain)


def without_secret(type_: str) -> dict[str, Any]:
    return {name: value for name, value in EXAMPLES[type_].items() if name != "secret"}


@pytest.mark.parametrize("type_", EXAMPLES)
async def test_one_of_each_type_is_made_told_and_listed(operator: UserSystemsOperator, type_: str) -> None:
    made = await operator.create(type_, display_name="Our people")
    assert made.WhichOneof("settings") == type_
    assert (made.display_name, made.enabled, made.link_only, made.private_addresses) == (
        "Our people",
        True,
        False,
        False,
    )
    assert (made.secret, made.has_secret) == ("", "secret" in EXAMPLES[type_])
    assert uuid.UUID(made.user_system_id).version == 7
    assert made.HasField("create_time")
    assert not made.HasField("update_time")
    assert await operator.get(made.user_system_id) == made
    assert list((await operator.listed()).user_systems) == [made]


async def test_what_is_left_out_has_its_default(operator: UserSystemsOperator) -> None:
    made = (await operator.create("ldap")).ldap
    assert (made.filter, made.identity_attribute, made.name_attribute) == ("(uid={name})", "entryUUID", "cn")
    custom = (await operator.create("custom", custom=EXAMPLES["custom"]["custom"] | {"scopes": ["openid", "x"]})).custom
    assert (list(custom.scopes), list(custom.algorithms)) == (["x"], ["RS256"])


def test_there_is_an_example_of_each_type() -> None:
    assert EXAMPLES.keys() == SETTINGS.keys()
    settings = nouns_pb2.UserSystem.DESCRIPTOR.oneofs_by_name["settings"]
    assert {field.name for field in settings.fields} == SETTINGS.keys()


async def test_a_type_is_there_once_and_custom_once_an_issuer(
    operator: UserSystemsOperator, alone: Account, other_domain: Domain
) -> None:
    for type_ in EXAMPLES:
        await operator.create(type_)
        await refused(operator.create(type_), "ALREADY_EXISTS_USER_SYSTEM")
    await operator.create(custom={"issuer": "https://id2.example.com", "client_id": "tessera"})
    await UserSystemsOperator(alone, other_domain).create()


async def test_of_many_who_make_one_at_once_one_does(operator: UserSystemsOperator) -> None:
    answers = await asyncio.gather(*(operator.create("ding") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(answer, nouns_pb2.UserSystem) for answer in answers) == 1


async def test_there_are_at_most_fifty(operator: UserSystemsOperator) -> None:
    def another(number: int) -> Any:
        return operator.create(custom={"issuer": f"https://id{number}.example.com", "client_id": "tessera"})

    for number in range(45):
        await another(number)
    answers = await asyncio.gather(*(another(100 + number) for number in range(10)), return_exceptions=True)
    assert sum(isinstance(answer, nouns_pb2.UserSystem) for answer in answers) == 5
    refusal = await refused(operator.create("mobile"), "USER_SYSTEM_QUOTA_EXCEEDED")
    assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    found: list[str] = []
    token = ""
    while token or not found:
        page = await operator.listed(page_size=20, page_token=token)
        found += [each.user_system_id for each in page.user_systems]
        token = page.next_page_token
    assert len(found) == 50
    assert found == sorted(found)
    assert len((await operator.listed()).user_systems) == 50
    await refused(operator.listed(page_token="x"), "FIELD_INVALID", "page_token")


async def test_a_call_made_again_makes_nothing_more(operator: UserSystemsOperator) -> None:
    first = await operator.create("ding", REQUEST_ID)
    assert await operator.create("ding", REQUEST_ID) == first
    # What is kept to tell the call does not depend on the secret: short ones could be guessed by it.
    assert await operator.create("ding", REQUEST_ID, secret="another") == first
    await refused(operator.create("ding", REQUEST_ID, display_name="x"), "ALREADY_EXISTS_USER_SYSTEM")
    await refused(operator.create("ram", "no UUID"), "FIELD_INVALID", "request_id")


@pytest.mark.parametrize(
    ("type_", "changed", "reason", "field"),
    [
        ("mobile", {"mobile": None}, "FIELD_MISSING", "user_system.settings"),
        ("mobile", {"display_name": "x" * 65}, "FIELD_INVALID", "user_system.display_name"),
        ("mobile", {"display_name": "a\nb"}, "FIELD_INVALID", "user_system.display_name"),
        ("mobile", {"secret": "x"}, "FIELD_INVALID", "user_system.secret"),
        ("email", {"secret": "x"}, "FIELD_INVALID", "user_system.secret"),
        ("ding", {"secret": ""}, "FIELD_MISSING", "user_system.secret"),
        ("ding", {"secret": "x" * 4097}, "FIELD_INVALID", "user_system.secret"),
        ("ding", {"ding": {"corp_ids": ["ding1"]}}, "FIELD_MISSING", "user_system.ding.client_id"),
        ("ding", {"ding": {"client_id": "x"}}, "FIELD_MISSING", "user_system.ding.corp_ids"),
        ("ding", {"ding": {"client_id": "x", "corp_ids": ["a:b"]}}, "FIELD_INVALID", "user_system.ding.corp_ids"),
        ("ding", {"ding": {"client_id": "x", "corp_ids": ["a"] * 101}}, "FIELD_INVALID", "user_system.ding.corp_ids"),
        ("ram", {"secret": ""}, "FIELD_MISSING", "user_system.secret"),
        ("ram", {"ram": {"client_id": "x"}}, "FIELD_MISSING", "user_system.ram.account_ids"),
        ("ram", {"ram": {"client_id": "x", "account_ids": ["x"]}}, "FIELD_INVALID", "user_system.ram.account_ids"),
        ("ram", {"ram": {"client_id": "x", "account_ids": ["\u0661"]}}, "FIELD_INVALID", "user_system.ram.account_ids"),
        ("wechat", {"secret": ""}, "FIELD_MISSING", "user_system.secret"),
        ("wechat", {"wechat": {"agent_id": "1"}}, "FIELD_MISSING", "user_system.wechat.corp_id"),
        ("wechat", {"wechat": {"corp_id": "a:b", "agent_id": "1"}}, "FIELD_INVALID", "user_system.wechat.corp_id"),
        ("wechat", {"wechat": {"corp_id": "a", "agent_id": "b"}}, "FIELD_INVALID", "user_system.wechat.agent_id"),
        # A bind by name without a password succeeds at many directories, and proves nothing.
        ("ldap", {"secret": ""}, "FIELD_MISSING", "user_system.secret"),
        ("ldap", {"ldap": {"url": "ldaps://a", "base_dn": "x"}}, "FIELD_INVALID", "user_system.secret"),
        ("ldap", {"ldap": {"base_dn": "x"}}, "FIELD_MISSING", "user_system.ldap.url"),
        ("ldap", {"ldap": {"url": "ldaps://a"}}, "FIELD_MISSING", "user_system.ldap.base_dn"),
        ("ldap", {"ldap": {"url": "https://a", "base_dn": "x"}}, "FIELD_INVALID", "user_system.ldap.url"),
        ("ldap", {"ldap": {"url": "ldaps://a/dc=x", "base_dn": "x"}}, "FIELD_INVALID", "user_system.ldap.url"),
        ("ldap", {"ldap": {"url": "ldaps://a?x", "base_dn": "x"}}, "FIELD_INVALID", "user_system.ldap.url"),
        ("ldap", {"ldap": {"url": "ldaps://u@a", "base_dn": "x"}}, "FIELD_INVALID", "user_system.ldap.url"),
        *(
            (
                "ldap",
                {"ldap": {"url": "ldaps://a", "base_dn": "x", "filter": text}},
                "FIELD_INVALID",
                "user_system.ldap.filter",
            )
            for text in ("(uid=x)", "uid={name}", "(uid={name}))", "((uid={name})", "(uid={name}\n)")
        ),
        *(
            (
                "ldap",
                {"ldap": {"url": "ldaps://a", "base_dn": "x", name: "a b"}},
                "FIELD_INVALID",
                f"user_system.ldap.{name}",
            )
            for name in ("identity_attribute", "name_attribute", "ca_pem")
        ),
        ("custom", {"custom": {"client_id": "x"}}, "FIELD_MISSING", "user_system.custom.issuer"),
        ("custom", {"custom": {"issuer": "https://a"}}, "FIELD_MISSING", "user_system.custom.client_id"),
        *(
            ("custom", {"custom": {"issuer": issuer, "client_id": "x"}}, "FIELD_INVALID", "user_system.custom.issuer")
            for issuer in (
                "http://id.example.com",
                "https://id.example.com/a|b",
                "https://id.example.com/?a=b",
                "https://user@id.example.com",
                "https://id.example.com/" + "x" * 190,
                "ldaps://id.example.com",
                "id.example.com",
            )
        ),
        *(
            (
                "custom",
                {"custom": {"issuer": "https://a", "client_id": "x", "scopes": scopes}},
                "FIELD_INVALID",
                "user_system.custom.scopes",
            )
            for scopes in (["a b"], [""], ["a"] * 21)
        ),
        (
            "custom",
            {"custom": {"issuer": "https://a", "client_id": "x", "algorithms": ["none"]}},
            "FIELD_INVALID",
            "user_system.custom.algorithms",
        ),
    ],
    ids=str,
)
async def test_no_user_system(
    operator: UserSystemsOperator, type_: str, changed: dict[str, Any], reason: str, field: str
) -> None:
    await refused(operator.create(type_, **changed), reason, field)


async def test_a_change_is_of_what_the_mask_names(operator: UserSystemsOperator) -> None:
    made = await operator.create("ding")
    id_ = made.user_system_id
    changed = await operator.update(id_, display_name="Ding", etag=made.etag)
    assert (changed.display_name, changed.enabled, changed.has_secret) == ("Ding", True, True)
    assert changed.ding == made.ding
    assert changed.HasField("update_time")
    await refused(operator.update(id_, display_name="Dong", etag=made.etag), "CHANGED_MEANWHILE")
    await refused(operator.update(id_, display_name="Dong", etag="nonsense"), "CHANGED_MEANWHILE")
    # What changes nothing is no change.
    assert (await operator.update(id_, display_name="Ding")).etag == changed.etag
    # False is said by being there.
    assert not (await operator.update(id_, enabled=False)).enabled
    assert (await operator.update(id_, "enabled")).enabled
    settings = {"client_id": "other", "any_corp": True}
    changed = await operator.update(id_, "ding", ding=settings, display_name="not named")
    assert (changed.ding.client_id, list(changed.ding.corp_ids), changed.display_name) == ("other", [], "Ding")
    changed = await operator.update(id_, "*", ding=settings, link_only=True)
    assert (changed.link_only, changed.enabled, changed.display_name, changed.has_secret) == (True, True, "", True)
    assert await operator.get(id_) == changed
    await refused(operator.update(id_, "*"), "FIELD_MISSING", "user_system.settings")
    await refused(operator.update(id_, "nonsense"), "FIELD_INVALID", "update_mask")
    await refused(operator.update(id_, "ding"), "FIELD_MISSING", "user_system.ding")
    await refused(operator.update(id_, ding={}), "FIELD_MISSING", "user_system.ding.corp_ids")
    await refused(operator.update("", display_name="x"), "FIELD_MISSING", "user_system.user_system_id")


async def test_of_changes_to_one_state_one_is_made(operator: UserSystemsOperator) -> None:
    made = await operator.create()
    calls = (operator.update(made.user_system_id, display_name=f"n{n}", etag=made.etag) for n in range(10))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    changed = [each for each in answers if isinstance(each, nouns_pb2.UserSystem)]
    assert changed == [await operator.get(made.user_system_id)]


async def test_a_secret_stays_until_it_is_given_or_named(
    operator: UserSystemsOperator, store: Store, domain: Domain
) -> None:
    async def secret(id_: str) -> str:
        return (await store.select_user_system(domain.id, uuid.UUID(id_))).secret

    made = await operator.create("custom")
    id_ = made.user_system_id
    assert await secret(id_) == SECRET
    await operator.update(id_, "*", **without_secret("custom"), display_name="x")
    assert await secret(id_) == SECRET
    assert (await operator.update(id_, secret="a new one")).secret == ""
    assert await secret(id_) == "a new one"
    assert not (await operator.update(id_, "secret")).has_secret
    assert await secret(id_) == ""
    ding = await operator.create("ding")
    await refused(operator.update(ding.user_system_id, "secret"), "FIELD_MISSING", "user_system.secret")


@pytest.mark.parametrize(
    ("type_", "name", "value"),
    [
        ("custom", "issuer", "https://elsewhere.example.com"),
        ("wechat", "corp_id", "ww2"),
        ("ram", "international", True),
        ("ldap", "identity_attribute", "uid"),
    ],
)
async def test_what_an_identity_is_made_of_does_not_change(
    operator: UserSystemsOperator, type_: str, name: str, value: object
) -> None:
    made = await operator.create(type_)
    other = EXAMPLES[type_][type_] | {name: value}
    for fields in ({}, {"secret": "new"}):
        call = operator.update(made.user_system_id, **{type_: other}, **fields)
        await refused(call, "FIELD_INVALID", f"user_system.{type_}.{name}")
    assert await operator.get(made.user_system_id) == made


async def test_a_type_does_not_change(operator: UserSystemsOperator) -> None:
    made = await operator.create("mobile")
    await refused(operator.update(made.user_system_id, email={}), "FIELD_INVALID", "user_system.email")
    call = operator.update(made.user_system_id, "*", **EXAMPLES["custom"])
    await refused(call, "FIELD_INVALID", "user_system.custom")


async def test_a_directory_elsewhere_is_not_told_the_password(operator: UserSystemsOperator) -> None:
    made = await operator.create("ldap")
    elsewhere = EXAMPLES["ldap"]["ldap"] | {"url": "ldaps://elsewhere.example.com"}
    await refused(operator.update(made.user_system_id, ldap=elsewhere), "FIELD_MISSING", "user_system.secret")
    assert (await operator.update(made.user_system_id, ldap=elsewhere, secret="its own")).ldap.url == elsewhere["url"]
    nobody = {"url": "ldap://third.example.com", "base_dn": "dc=example"}
    changed = await operator.update(made.user_system_id, "ldap", "secret", ldap=nobody)
    assert (changed.ldap.url, changed.has_secret) == (nobody["url"], False)


async def test_a_network_of_ours_is_opened_by_who_may(
    operator: UserSystemsOperator, alone: Account, domain: Domain
) -> None:
    tenant = UserSystemsOperator(alone, domain, "account.describe")
    private = {"custom": {"issuer": "http://10.0.0.1", "client_id": "x"}, "private_addresses": True}
    await refused(tenant.create(**private), "PERMISSION_DENIED")
    made = await operator.create(**private)
    # Nor may who may not open one change where it is asked in one that is open; but may close it.
    await refused(tenant.update(made.user_system_id, display_name="x"), "PERMISSION_DENIED")
    await refused(tenant.update(made.user_system_id, "private_addresses"), "FIELD_INVALID", "user_system.custom.issuer")
    public = await tenant.create("custom")
    await refused(tenant.update(public.user_system_id, private_addresses=True), "PERMISSION_DENIED")


async def test_links_stay_where_a_user_system_goes(
    operator: UserSystemsOperator, store: Store, domain: Domain, user_id: str
) -> None:
    await operator.create("mobile")
    made = await operator.create("ldap")
    identity = normalise("ldap", "ann")
    await linked(store, domain.id, identity, user_id, Clock().now())
    changed = await operator.update(made.user_system_id, enabled=False)
    await refused(operator.delete(made.user_system_id, made.etag), "CHANGED_MEANWHILE")
    await operator.delete(made.user_system_id, changed.etag)
    await refused(operator.delete(made.user_system_id), "NOT_FOUND_USER_SYSTEM")
    await refused(operator.get(made.user_system_id), "NOT_FOUND_USER_SYSTEM")
    link = await store.select_link(domain.id, identity)
    assert link is not None
    assert link.user_id == user_id


async def test_the_last_one_stays_whoever_races(operator: UserSystemsOperator) -> None:
    made = [(await operator.create(type_)).user_system_id for type_ in ("mobile", "email", "ding")]
    answers = await asyncio.gather(*map(operator.delete, made), return_exceptions=True)
    assert sum(isinstance(answer, grpc.aio.AioRpcError) for answer in answers) == 1
    (left,) = (await operator.listed()).user_systems
    refusal = await refused(operator.delete(left.user_system_id), "LAST_USER_SYSTEM")
    assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION


async def test_another_domains_user_system_does_not_exist(
    operator: UserSystemsOperator, alone: Account, other_domain: Domain
) -> None:
    made = await operator.create()
    stranger = UserSystemsOperator(alone, other_domain)
    await stranger.create("mobile")
    await stranger.create("email")
    for id_ in (made.user_system_id, str(uuid.uuid4()), "no id"):
        for call in (
            stranger.get(id_),
            stranger.update(id_, display_name="x"),
            stranger.delete(id_),
            stranger.problems(id_),
        ):
            await refused(call, "NOT_FOUND_USER_SYSTEM")
    assert made.user_system_id not in {each.user_system_id for each in (await stranger.listed()).user_systems}
    assert await operator.get(made.user_system_id) == made


async def test_who_may_not(operator: UserSystemsOperator, user_id: str) -> None:
    made = await operator.create()
    for caller in (
        operator.domain.access_key("account.link"),
        operator.domain.user(user_id),
        operator.domain.user(user_id, "admin"),
    ):
        operator.caller = caller
        for call in (
            operator.create("mobile"),
            operator.get(made.user_system_id),
            operator.listed(),
            operator.update(made.user_system_id, display_name="x"),
            operator.delete(made.user_system_id),
            operator.problems(made.user_system_id),
        ):
            await refused(call, "PERMISSION_DENIED")


async def test_a_secret_is_shown_to_nobody(
    operator: UserSystemsOperator, database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = [str(await operator.create(type_)) for type_ in EXAMPLES]
    shown += [str(await operator.listed())]
    made = (await operator.listed()).user_systems[-1]
    shown += [str(await operator.update(made.user_system_id, secret=SECRET + "2"))]
    shown += [(await refused(operator.create("custom"))).message]
    shown += [(await refused(operator.create("mobile", secret=SECRET))).message]
    rows = await database.fetch("select * from account.user_system where domain_id = $1", operator.domain.id)
    assert len(rows) == len(EXAMPLES)
    shown += [str(dict(row)) for row in rows]
    out = capfd.readouterr()
    assert SECRET not in "".join((*shown, out.out, out.err))


async def test_codes_are_sent_or_not(operator: UserSystemsOperator) -> None:
    """The service under test shows them on a console."""
    made = await operator.create("mobile")
    assert await operator.problems(made.user_system_id) == []


async def test_a_provider_that_is_not_there_is_told(operator: UserSystemsOperator) -> None:
    """By the connector of its type; whether it is enabled or not."""
    issuer = f"http://127.0.0.1:{free_ports(1)[0]}"
    custom = {"issuer": issuer, "client_id": "tessera"}
    made = await operator.create(custom=custom, private_addresses=True, enabled=False)
    (problem,) = await operator.problems(made.user_system_id)
    assert issuer in problem
    assert SECRET not in problem
